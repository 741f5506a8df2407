import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { Role } from '../../server/core/role.ts';
import { createToken } from '../../server/operations/tokens.ts';
import type { TestServer } from '../rig/server.ts';
import { look, needsBrowser } from './browser.ts';
import { fleet } from './fleet.ts';

needsBrowser();

const NOW = '2026-11-20T08:20:00Z';
const TAG = 'etchautotag-20261120-0600';

async function tokenFor({ app }: TestServer, name: string, role: Role): Promise<string> {
  const made = await createToken(app.context, {
    ...{ kind: 'person', name, role, expiresAt: null, mostNames: 9 },
    actor: { by: 'test', from: null },
  } as const);
  if (!made.ok) throw new Error(made.sentence);
  return made.value.token;
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await page.getByLabel('With a token').fill(token);
  await page.getByRole('button', { name: 'Use the token' }).click();
}

test('who is not known is asked for a token; a viewer is told why not to change anything, an operator may', async () => {
  const { server } = await fleet({ now: NOW, settings: 'auth: {nodes: tokens}\n' });
  const [viewer, operator] = [await tokenFor(server, 'the wall', 'viewer'), await tokenFor(server, 'olga', 'operator')];
  const wall = await look(server.url, { now: NOW, place: `/?mark=${TAG}&state=bad` });
  await signIn(wall, 'twp_nonsense');
  await wall.getByText('counts no more, or never did').waitFor();
  await signIn(wall, viewer);
  await wall.getByText('the wall', { exact: true }).waitFor();

  // The place that was asked for is still there, and says what it would do and why it may not be done.
  const dialog = wall.getByRole('dialog', { name: 'Mark 20 Nov 06:00' });
  await dialog.getByText('the wall has the role viewer; changes need operator').waitFor();
  await dialog.getByText(/nodes? moves?, /).waitFor();
  await dialog.getByRole('button', { name: 'Mark it bad' }).click();
  await dialog
    .getByText(/Ask somebody who has it/)
    .first()
    .waitFor();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await wall.getByRole('button', { name: 'Stop…' }).click();
  const stop = wall.getByRole('dialog', { name: 'Stop' });
  await stop.getByText('the wall has the role viewer').waitFor();
  await stop.getByRole('button', { name: 'Stop everything' }).click();
  await stop.getByRole('alert').waitFor();
  expect(existsSync(join(server.base, 'killswitch'))).toBe(false);
  expect(existsSync(join(server.base, 'tagstate'))).toBe(false);

  // What is in files is for operators: that they differ everybody may know.
  await wall.goto(`${server.url}/#/tags/${TAG}?diff=previous`);
  await wall.getByText('etc/motd').first().waitFor();
  await wall
    .getByRole('alert')
    .getByText(/operator/)
    .first()
    .waitFor();
  expect(await wall.getByText(/^\+?written at/).count()).toBe(0);

  // Another tab is somebody else's until a token is shown there.
  const desk = await look(server.url, { now: NOW, place: `/tags/${TAG}?diff=previous` });
  await signIn(desk, operator);
  await desk
    .getByText(/written at 2026-11-20T05/)
    .first()
    .waitFor();
  await desk.goto(`${server.url}/#/?mark=${TAG}&state=bad&reason=broke%20motd`);
  await desk.getByRole('button', { name: 'Mark it bad' }).click();
  await desk.getByText('is marked bad').waitFor();
  expect(readFileSync(join(server.base, 'tagstate'), 'utf8')).toMatch(new RegExp(`^${TAG} bad .*broke motd`, 'm'));
  await desk.getByRole('button', { name: 'Close' }).last().click();
  await desk.getByRole('button', { name: 'Sign out' }).click();
  await desk.getByRole('heading', { name: 'Sign in' }).waitFor();
});
