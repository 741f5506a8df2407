import { chmod, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { writeFiles } from '../rig/git.ts';
import { runCommand } from '../rig/server-process.ts';
import { NEWEST, OLDEST, objectIn, testBase, useBases } from './base.ts';

useBases();

interface Found {
  readonly file?: string;
  readonly line?: number;
  readonly key?: string;
  readonly expected?: string;
  readonly found?: string;
}

const BROKEN = {
  'server.yml': 'listen: 8420\npoll: {after_seconds: soon}\ncolour: blue\n',
  'schedule.yml':
    'waves:\n  - {environment: Dev, groups: [dev], hours: -1}\n  - {environment: production, hours: 1h}\n',
  'nodes.yml': 'web_1: [web]\n"*.example.com": 7\n',
  'nodegroups.yml': 'a: [b]\nb: [a]\n',
  pins: 'web1.example.com yesterday\n= trunk\n',
  tagstate: `${NEWEST} baad\nnonsense good\n${NEWEST} bad:prodution\n`,
  'killswitch.d/prodution': '',
  nodetagger: '#!/bin/sh\necho trunk\n',
};

describe('check', () => {
  test('finds nothing wrong with a sound base, and exits 0', async () => {
    const { run, base, json } = await testBase();
    expect(await run(['check'])).toMatchObject({
      code: 0,
      stdout: `${base}: nothing is wrong with the control files.\n`,
      stderr: '',
    });
    expect(await json(['check'])).toEqual({ code: 0, value: { ok: true, base, problems: [] } });
  });

  test('tells all errors of all files at once, each with file, line, key, what was expected and what was found, and exits 1', async () => {
    const base = await disposableDirectory();
    await writeFiles(base, BROKEN);
    const { code, stdout, stderr } = await runCommand(['check', '--base', base]);
    expect([code, stdout]).toEqual([1, '']);
    for (const line of [
      'server.yml line 1: listen: expected HOST:PORT, such as 127.0.0.1:8420 or [::1]:8420, found 8420',
      'server.yml line 2: poll.after_seconds: expected a whole number of seconds, 1 to 86400, found "soon"',
      'server.yml line 3: colour: expected ',
      'schedule.yml line 2: waves.0.environment: expected an environment',
      'schedule.yml line 2: waves.0.hours: expected a whole number of hours, 0 to 876600, found -1',
      'schedule.yml line 3: waves.1.hours: expected a whole number of hours',
      'schedule.yml line 3: waves.1.groups: expected at least one group, or default: true',
      'nodes.yml line 1: web_1: expected ',
      'nodes.yml line 2: *.example.com: expected ',
      'nodegroups.yml line 1: ',
      'pins line 1: web1.example.com: expected etchautotag-YYYYMMDD-HH00, trunk or trunk-YYYYMMDD-HHMM, found "yesterday"',
      'pins line 2: =: expected a host name',
      `tagstate line 1: "baad" is no state, so ${NEWEST} counts as bad`,
      'tagstate line 2: "nonsense" is no tag',
      'tagstate line 3: "prodution" is no environment of the schedule',
      'killswitch.d/prodution names no environment of the schedule, so it stops everything',
      `${base}/nodetagger is not executable; run chmod +x on it, or write "nodetagger: schedule" in server.yml`,
    ])
      expect(stderr).toContain(line);

    const told = await runCommand(['check', '--base', base, '--json']);
    const { ok, problems } = objectIn(told.stdout) as { ok: boolean; problems: Found[] };
    expect([told.code, told.stderr, ok]).toEqual([1, '', false]);
    expect(problems).toContainEqual(
      expect.objectContaining({
        file: 'schedule.yml',
        line: 2,
        key: 'waves.0.hours',
        expected: 'a whole number of hours, 0 to 876600',
        found: '-1',
      }),
    );
    expect(new Set(problems.map(({ file }) => file))).toEqual(new Set(Object.keys(BROKEN)));
  });

  test('tells what cannot be read, what is empty, and what the environment sets wrong', async () => {
    const base = await disposableDirectory();
    await mkdir(join(base, 'schedule.yml'));
    await writeFiles(base, { 'nodes.yml': '# nothing\n', pins: '', tagstate: Buffer.from('a\0b') });
    const env = { TAGWAVE_SETTLE_SECONDS: 'a while', TAGWAVE_NODETAGGER: 'gone.sh' };
    const { code, stderr } = await runCommand(['check', '--base', base], { env });
    expect(code).toBe(1);
    for (const line of [
      'environment: TAGWAVE_SETTLE_SECONDS: expected a number of seconds, 0 to 3600, found "a while"',
      'schedule.yml cannot be read: a directory',
      'nodes.yml is empty: to mean "none", write {}',
      'pins is empty: to clear all pins leave one comment line',
      'tagstate cannot be read: it holds NUL bytes',
    ])
      expect(stderr).toContain(line);
    const gone = await runCommand(['check', '--base', base], { env: { TAGWAVE_NODETAGGER: 'gone.sh' } });
    expect(gone.stderr).toContain(`${base}/gone.sh is gone; put it back, or write "nodetagger: schedule"`);
  });

  test('tells of warnings, and exits 0 where there is nothing worse', async () => {
    const { run, base } = await testBase({ pins: 'web1.example.com trunk for now until=2030-01-01T00:00Z\n' });
    const { code, stdout, stderr } = await run(['check']);
    expect([code, stdout]).toEqual([0, `${base}: no errors in the control files, 1 warning.\n`]);
    expect(stderr).toContain('pins line 1: web1.example.com: expected until= right after the tag');
  });

  test('works in a hook: without a state, without the server having run, on files written this moment, and leaves nothing behind', async () => {
    const base = await disposableDirectory();
    await writeFiles(base, { tagstate: `${OLDEST} bad broke ntp\n`, nodetagger: '#!/bin/sh\necho trunk\n' });
    await chmod(join(base, 'nodetagger'), 0o755);
    const ended = await runCommand(['check', '--base', base], { env: { TAGWAVE_SETTLE_SECONDS: '3600' } });
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect((await readdir(base)).sort()).toEqual(['nodetagger', 'tagstate']);
  });

  test('names the nearest tag where a mark names none that exists', async () => {
    const { run } = await testBase({ tagstate: 'etchautotag-20200101-0000 bad\n' });
    expect(await run(['check'])).toMatchObject({ code: 0 });
    const wrong = await testBase({ tagstate: `${NEWEST.replace('etch', 'ecth')} bad\n` });
    const { code, stderr } = await wrong.run(['check']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`was ${NEWEST} meant?`)]);
  });

  test('changes nothing in the base or the state', async () => {
    const { run, base } = await testBase();
    const before = await changesBelow(base);
    await run(['check']);
    expect(await changesBelow(base)).toEqual(before);
  });
});

/** When each file below a directory was changed last. */
async function changesBelow(directory: string): Promise<Record<string, number>> {
  const names = (await readdir(directory, { recursive: true })).sort();
  const found = await Promise.all(
    names.map(async (name) => [name, (await stat(join(directory, name))).ctimeMs] as const),
  );
  return Object.fromEntries(found);
}
