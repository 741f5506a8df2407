import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { watchControlFiles } from '../../server/adapters/files/control-files.ts';
import { stateFiles } from '../../server/adapters/files/state-files.ts';
import { sentenceOf } from '../../server/core/problem.ts';
import { type Booted, bootSettings } from '../../server/settings/boot.ts';
import type { SettingsSource } from '../../server/settings/read.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { stillClock } from '../rig/still-clock.ts';

type Given = Partial<Pick<SettingsSource, 'env' | 'flags'>> & {
  /** Of server.yml; undefined where there is none. */
  readonly text?: string;
  /** Last valid text, by state directory. */
  readonly kept?: Readonly<Record<string, string>>;
};

async function boot({ text, kept = {}, env = {}, flags = {} }: Given): Promise<{ base: string; booted: Booted }> {
  const base = await disposableDirectory();
  for (const [directory, content] of Object.entries(kept))
    stateFiles(join(base, directory)).write('last-valid/server.yml', content);
  const file = join(base, 'server.yml');
  if (text !== undefined) await writeFile(file, text);
  for (const path of text === undefined ? [base] : [file, base]) await utimes(path, 1_700_000_000, 1_700_000_000);
  const files = watchControlFiles(base, stillClock());
  const lastValid = (stateDir: string) => stateFiles(stateDir).read('last-valid/server.yml');
  return { base, booted: await bootSettings({ base, env, flags, lastValid }, files) };
}

const settingOf = ({ booted }: { booted: Booted }) =>
  booted.ok ? booted.settings.poll.afterSeconds : booted.errors.map(sentenceOf);
const BAD = 'poll: {after_seconds: soon}\n';

describe('the settings at the start', () => {
  test('are those of the file, or the defaults where there is none and never was', async () => {
    expect(settingOf(await boot({ text: 'poll: {after_seconds: 7}\n' }))).toBe(7);
    expect(settingOf(await boot({}))).toBe(300);
    expect(
      settingOf(await boot({ text: 'poll: {after_seconds: 7}\n', env: { TAGWAVE_POLL_AFTER_SECONDS: '8' } })),
    ).toBe(8);
  });

  test('are the last valid ones where the file is invalid, empty, gone, or no file', async () => {
    const kept = { var: 'poll: {after_seconds: 7}\n' };
    for (const text of [BAD, '', '# nothing\n', 'poll: [', undefined])
      expect([text, settingOf(await boot({ kept, ...(text === undefined ? {} : { text }) }))]).toEqual([text, 7]);
    const base = await disposableDirectory();
    await mkdir(join(base, 'server.yml'));
    const files = watchControlFiles(base, stillClock());
    const booted = await bootSettings(
      { base, env: { TAGWAVE_SETTLE_SECONDS: '0' }, flags: {}, lastValid: () => kept.var },
      files,
    );
    expect(settingOf({ booted })).toBe(7);
    await rm(base, { recursive: true });
  });

  test('that are last valid are looked for where the invalid file says that the state is', async () => {
    for (const line of ['state_dir: elsewhere', 'state_dir: "elsewhere"  # here', "state_dir:\t'elsewhere'\r"])
      expect(
        settingOf(await boot({ text: `${BAD}${line}\n`, kept: { elsewhere: 'poll: {after_seconds: 7}\n' } })),
      ).toBe(7);
    const env = { TAGWAVE_STATE_DIR: 'third' };
    const kept = { elsewhere: 'poll: {after_seconds: 7}\n', third: 'poll: {after_seconds: 9}\n' };
    expect(settingOf(await boot({ text: `state_dir: elsewhere\n${BAD}`, kept, env }))).toBe(9);
  });

  test('refuse to start with all errors where the file is invalid and nothing was valid before', async () => {
    expect(settingOf(await boot({ text: `${BAD}listen: 1\n` }))).toEqual([
      'server.yml line 1: poll.after_seconds: expected a whole number of seconds, 1 to 86400, found "soon"',
      expect.stringMatching(/^server\.yml line 2: listen: expected HOST:PORT/),
    ]);
    expect(settingOf(await boot({ text: '' }))).toEqual([
      'server.yml line 1: expected a readable text file, found an empty file (to mean the defaults, write {})',
    ]);
    expect(settingOf(await boot({ text: BAD, kept: { var: BAD } }))).toHaveLength(1);
    expect(settingOf(await boot({ env: { TAGWAVE_LISTEN: 'x' } }))).toEqual([
      expect.stringMatching(/^environment: TAGWAVE_LISTEN: expected HOST:PORT/),
    ]);
  });

  test('wait for a file that was written just now, unless it reads as it was last valid', async () => {
    const base = await disposableDirectory();
    const clock = stillClock();
    const files = watchControlFiles(base, clock);
    await writeFile(join(base, 'server.yml'), 'poll: {after_seconds: 7}\n');
    const source = { base, env: {}, flags: {} };
    const known = await bootSettings({ ...source, lastValid: () => 'poll: {after_seconds: 7}\n' }, files);
    expect(settingOf({ booted: known })).toBe(7);

    await writeFile(join(base, 'server.yml'), 'poll: {after_seconds: 8}\n');
    let booted: Booted | undefined;
    const waiting = bootSettings({ ...source, lastValid: () => undefined }, files).then((result) => {
      booted = result;
    });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(booted).toBeUndefined();
    await writeFile(join(base, 'server.yml'), 'poll: {after_seconds: 9}\n');
    await new Promise((resolve) => setTimeout(resolve, 60));
    clock.advance(2_001);
    await waiting;
    expect(booted && settingOf({ booted })).toBe(9);
  });
});
