import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { buildProgram } from '../../server/cli/program.ts';
import { VERSION } from '../../server/version.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { runCommand } from '../rig/server-process.ts';
import { NEWEST, objectIn, testBase, useBases } from './base.ts';
import { manyCalls } from './many-calls.ts';

useBases();

test('--version prints what the package says', async () => {
  expect(await runCommand(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n`, stderr: '' });
});

const COMMANDS = buildProgram(async () => undefined).commands.map((command) => command.name());

describe('help', () => {
  test('lists every command', async () => {
    const { code, stdout, stderr } = await runCommand(['--help']);
    expect([code, stderr]).toEqual([0, '']);
    for (const name of COMMANDS) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    expect(new Set(COMMANDS).size).toBe(COMMANDS.length);
  });

  test('of each command tells how it is called and its options, --base and --json among them', async () => {
    for (const { args, code, stdout, stderr } of await manyCalls(COMMANDS.map((name) => [name, '--help']))) {
      expect([code, stderr]).toEqual([0, '']);
      expect(stdout).toContain(`Usage: tagwave-server ${args[0]} `);
      for (const option of ['--base <dir>', '--json', '--help']) expect(stdout).toContain(option);
    }
  });
});

const WRONG = [
  { args: ['stats'], says: "unknown command 'stats'", suggests: 'Did you mean status?' },
  { args: ['mark', NEWEST, 'bad', '--reson', 'x'], says: "unknown option '--reson'", suggests: '--reason' },
  { args: ['mark', NEWEST], says: "missing required argument 'state'", suggests: '--help' },
  { args: ['status', 'everything'], says: 'too many arguments', suggests: '--help' },
  { args: ['status', '--base'], says: "option '--base <dir>' argument missing", suggests: '--help' },
  { args: ['events', '--kind', 'tags'], says: "argument 'tags' is invalid", suggests: 'tag-created' },
  { args: ['events', '--since', 'yesterday'], says: '"yesterday" is no time', suggests: '2026-11-21T08:00Z' },
  { args: ['events', '--limit', '-1'], says: '"-1" is no number', suggests: '--limit 50' },
  { args: ['tags', '--limit', '0'], says: '"0" is no number', suggests: '--limit 48' },
  { args: ['explain', 'web_1'], says: '"web_1" is no host name', suggests: 'letters, digits and hyphens' },
  { args: ['explain', 'web1', '--at', 'noon'], says: '"noon" is no time', suggests: '2026-11-21T08:00Z' },
  { args: ['mark', 'etchautotag-1', 'bad'], says: '"etchautotag-1" is no tag', suggests: 'tags' },
  { args: ['mark', NEWEST, 'badd'], says: '"badd" is no state', suggests: 'badfwd' },
  { args: ['pin', 'web1', 'today'], says: '"today" is nothing to pin to', suggests: 'trunk' },
  { args: ['pin', 'web_1', 'trunk'], says: '"web_1" is neither', suggests: '**' },
  { args: ['pin', 'web1', 'trunk', '--until', '2020-01-01T00:00Z'], says: 'is over', suggests: 'a time to come' },
  { args: ['unpin', '-x'], says: "unknown option '-x'", suggests: '--help' },
  { args: ['resume', '../tagstate'], says: '"../tagstate" is no name of a file', suggests: 'killswitch.d' },
  { args: ['snapshot', '--hour', '20261131'], says: '"20261131" is no hour', suggests: 'YYYYMMDDHH' },
  { args: ['snapshot', '--backfill', 'all'], says: '"all" is no number of hours', suggests: '--backfill 24' },
  { args: ['snapshot', '--backfill', '3', '--hour', '2026112008'], says: 'neither --hour', suggests: 'history' },
  { args: ['init', '--backfill', '0'], says: '"0" is no number of hours', suggests: '1 to' },
  { args: ['init', '--branch', 'main'], says: '--branch without --repo', suggests: 'repository' },
  { args: ['preview'], says: 'nothing is proposed', suggests: 'preview --help' },
  { args: ['preview', '--mark', `${NEWEST}:bad`], says: 'is no mark', suggests: 'preview --help' },
  { args: ['preview', '--pin', 'a b=trunk'], says: '"a b=trunk" is no pin', suggests: 'preview --help' },
  { args: ['preview', '--unpin', '..'], says: '".." is no host name or pattern', suggests: 'preview --help' },
  { args: ['test'], says: "missing required argument 'file'", suggests: '--help' },
];

describe('a wrong call', () => {
  test('exits 2 and says what was meant, before anything is looked at', async () => {
    const calls = await manyCalls(
      WRONG.map(({ args }) => args),
      { TAGWAVE_BASE: '/dev/null/base' },
    );
    for (const [index, { args, code, stdout, stderr }] of calls.entries()) {
      expect([args, code, stdout]).toEqual([args, 2, '']);
      expect(stderr).toContain(WRONG[index]?.says);
      expect(stderr).toContain(WRONG[index]?.suggests);
    }
  });

  test('with --json is one object on stdout, also where the call was not understood', async () => {
    for (const args of [
      ['stats', '--json'],
      ['explain', 'web_1', '--json'],
      ['--json', 'preview'],
      ['mark', '--json'],
    ]) {
      const { code, stdout, stderr } = await runCommand(args, { env: { TAGWAVE_BASE: '/dev/null/base' } });
      expect([code, stderr]).toEqual([2, '']);
      const { ok, errors, hint } = objectIn(stdout);
      expect([ok, errors, hint]).toEqual([false, [expect.any(String)], expect.stringMatching(/./)]);
    }
  });

  test('without a command prints the help, and exits 2', async () => {
    const { code, stderr } = await runCommand([]);
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: tagwave-server');
  });
});

describe('the base directory', () => {
  test('comes from --base, before or after the command, else from TAGWAVE_BASE; an empty one counts as none', async () => {
    const { base } = await testBase();
    const env = { TAGWAVE_BASE: base };
    const calls = [
      await runCommand(['tags', '--json', '--base', base], { env: { TAGWAVE_BASE: '/nowhere' } }),
      await runCommand(['--base', base, 'tags', '--json'], { env: { TAGWAVE_BASE: '/nowhere' } }),
      await runCommand(['tags', '--json'], { env }),
      await runCommand(['tags', '--json', '--base', ''], { env }),
    ];
    for (const { code, stdout } of calls) {
      expect(code).toBe(0);
      expect(objectIn(stdout)['tags']).toHaveLength(5);
    }
    const { code, stderr } = await runCommand(['tags'], { env: { TAGWAVE_BASE: '' } });
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no base directory /etc/tagwave')]);
  });

  test('that does not exist is told by every command that works on one, and is not created', async () => {
    const root = await disposableDirectory();
    const base = `${root}/mistyped`;
    const calls = [
      ['serve'],
      ['check'],
      ['snapshot'],
      ['tags'],
      ['mark', NEWEST, 'bad'],
      ['mark', NEWEST, 'good'],
      ['kill'],
      ['kill', 'production'],
      ['resume'],
      ['pin', 'web1', 'trunk'],
      ['unpin', 'web1'],
      ['explain', 'web1'],
      ['preview', '--kill'],
      ['status'],
      ['nodes'],
      ['events'],
    ];
    for (const { args, code, stdout, stderr } of await manyCalls(calls, { TAGWAVE_BASE: base })) {
      expect([args, code, stdout]).toEqual([args, 1, '']);
      expect(stderr).toBe(
        `there is no base directory ${base}\n→ name the directory of control files with --base or TAGWAVE_BASE, or create it: tagwave-server init --base ${base}\n`,
      );
    }
    const { code, stderr } = await runCommand(['status', '--base', `${root}/.`]);
    expect([code, stderr]).toEqual([0, '']);
    await expect(promisify(execFile)('ls', ['-A', root])).resolves.toMatchObject({ stdout: '' });
  });

  test('that is a file is told, too', async () => {
    const { base } = await testBase();
    const { code, stderr } = await runCommand(['status', '--base', `${base}/tagstate`]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('tagstate is no directory')]);
  });
});

test('a reader that has seen enough, as head, ends a command quietly', async () => {
  const { base } = await testBase();
  const script = await serverBundle();
  const piped = 'set -o pipefail; "$0" "$1" tags --base "$2" | head -c 3; exit "$PIPESTATUS"';
  const { stdout, stderr } = await promisify(execFile)('bash', ['-c', piped, process.execPath, script, base]);
  expect([stdout, stderr]).toEqual(['TAG', '']);
});

test('what others have written cannot steer the terminal, neither as text nor in the JSON', async () => {
  const { run } = await testBase({ tagstate: `${NEWEST} bad \u001b[2Jgone \u202eback\u0007\n` });
  for (const args of [['explain', 'web1'], ['tags', '--json'], ['status'], ['explain', 'web1', '--json']]) {
    const { code, stdout } = await run(args);
    expect(code).toBe(0);
    expect(stdout.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u);
  }
});
