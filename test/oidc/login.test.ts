import { describe, expect, test } from 'vitest';
import { HERE, house } from './house.ts';

describe('logging in', () => {
  test.each([
    ['vera', 'viewer'],
    ['otto', 'operator'],
    ['ada', 'admin'],
    ['sam', 'operator'],
  ])('gives %s the highest role that a group of theirs has: %s', async (name, role) => {
    const { browser } = await house();
    const theirs = browser();
    const page = await theirs.logIn(`${HERE}/login`, name);
    expect(page).toMatchObject({ status: 200, url: `${HERE}/v1/session` });
    expect(page.json()).toEqual({ name, role, by: 'session', expiresAt: expect.stringMatching(/^2026-11-20T19:20:/) });
  });
});
