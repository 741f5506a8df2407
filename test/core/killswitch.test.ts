import { describe, expect, test } from 'vitest';
import type { Environment } from '../../protocol/names.ts';
import { type KillswitchLook, killswitchText, lookFromText, readKillswitch } from '../../server/core/killswitch.ts';

const KNOWN = new Set(['development', 'production'] as Environment[]);
const look = (found: Partial<KillswitchLook>): KillswitchLook => ({
  global: null,
  environments: new Map(),
  doubt: null,
  ...found,
});

describe('the killswitch', () => {
  test('is off where there is no file', () => {
    expect(readKillswitch(look({}), KNOWN)).toEqual({
      killswitch: { global: null, environments: new Map() },
      problems: [],
    });
  });

  test('stops everything with its message, also an empty one', () => {
    for (const message of ['', 'ask Ana']) {
      const { killswitch, problems } = readKillswitch(look({ global: message }), KNOWN);
      expect([killswitch.global, problems]).toEqual([{ message }, []]);
    }
  });

  test('of an environment stops that one', () => {
    const environments = new Map([['production', 'ask Ana']]);
    const { killswitch, problems } = readKillswitch(look({ environments }), KNOWN);
    expect(killswitch).toEqual({ global: null, environments: new Map([['production', { message: 'ask Ana' }]]) });
    expect(problems).toEqual([]);
  });

  test('whose name is no environment stops everything, with a problem that names those that there are', () => {
    const environments = new Map([
      ['prodution', ''],
      ['development', 'x'],
    ]);
    const { killswitch, problems } = readKillswitch(look({ environments }), KNOWN);
    expect(killswitch.global?.message).toBe('everything is stopped: killswitch.d/prodution names no environment');
    expect([...killswitch.environments.keys()]).toEqual(['development']);
    expect(problems).toEqual([
      expect.objectContaining({
        id: 'killswitch:unknown-environment:prodution',
        severity: 'error',
        hint: 'rename it to one of development, production, or remove it',
      }),
    ]);
    const told = readKillswitch(look({ environments: new Map([['prodution', 'ask Ana']]) }), KNOWN);
    expect(told.killswitch.global?.message).toBe('ask Ana');
    expect(readKillswitch(look({ global: 'first', environments }), KNOWN).killswitch.global?.message).toBe('first');
  });

  test('of which it cannot be told whether it exists stops everything, with a problem', () => {
    const { killswitch, problems } = readKillswitch(look({ doubt: 'killswitch.d cannot be listed' }), KNOWN);
    expect(killswitch.global?.message).toContain('because it cannot be told whether a killswitch exists');
    expect(problems).toEqual([expect.objectContaining({ id: 'killswitch:doubt', severity: 'error' })]);
  });

  test('as a text to record can be read again, and is nothing where nothing is stopped', () => {
    expect(killswitchText(look({}))).toBe(null);
    for (const found of [
      look({ global: '' }),
      look({ doubt: 'x' }),
      look({ global: 'a', environments: new Map([['b', 'c\n"d"']]) }),
    ])
      expect(lookFromText(killswitchText(found) ?? '')).toEqual(found);
  });
});
