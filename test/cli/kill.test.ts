import { lstat, mkdir, readdir, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { holdLock } from '../rig/hold-lock.ts';
import { runCommand } from '../rig/server-process.ts';
import { BEFORE, HOSTS, NEWEST, testBase, useBases } from './base.ts';

useBases();

const ALL = [HOSTS.dev, HOSTS.pinned, HOSTS.silent, HOSTS.web].join(', ');

describe('kill', () => {
  test('creates the file, with the message, and tells who has been told and who has not', async () => {
    const { run, read, base } = await testBase();
    expect(await run(['kill', '--message', 'ntp broken, ask Ana'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `${base}/killswitch exists: no host is given anything by it from now on.
Everything is stopped: 0 of 4 known nodes have been told so far; not yet: ${ALL}.
To go on: tagwave-server resume --base ${base}
`,
    });
    expect(await read('killswitch')).toBe('ntp broken, ask Ana\n');
    expect((await run(['explain', HOSTS.pinned])).stdout).toContain('killswitch');
  });

  test('of an environment stops that one', async () => {
    const { run, base } = await testBase();
    const { code, stdout } = await run(['kill', 'production']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('production is stopped: 0 of 3 known nodes')]);
    expect(stdout).toContain(`To go on: tagwave-server resume production --base ${base}\n`);
    expect(await readdir(join(base, 'killswitch.d'))).toEqual(['production']);
    expect((await run(['explain', HOSTS.dev])).stdout).toContain(`: ${NEWEST}\n`);
    expect((await run(['explain', HOSTS.web])).stdout).toContain('killswitch.d/production stops production');
  });

  test('of a name that is no environment stops everything, and says so, with the names that there are', async () => {
    const { run } = await testBase();
    const { code, stdout } = await run(['kill', 'prodution']);
    expect(code).toBe(0);
    expect(stdout).toContain(
      'Everything is stopped, because "prodution" is no environment of the schedule in effect: 0 of 4 known nodes',
    );
    expect(stdout).toContain(
      '→ rename it to one of development, production, or remove it with: tagwave-server resume prodution',
    );
    expect((await run(['explain', HOSTS.dev])).stdout).toContain('the killswitch stops everything');
  });

  test('takes capitals for small letters, and stops everything for what cannot be a name', async () => {
    const { run, base } = await testBase();
    expect((await run(['kill', ' Production '])).stdout).toContain('production is stopped: 0 of 3');
    const { code, stdout, stderr } = await run(['kill', '../production!']);
    expect([code, stderr]).toEqual([0, '"../production!" cannot be an environment, so everything is stopped.\n']);
    expect(stdout).toContain('Everything is stopped: 0 of 4');
    expect(await readdir(join(base, 'killswitch.d'))).toEqual(['production']);
  });

  test('with --json prints one object', async () => {
    const { json, base } = await testBase();
    expect(await json(['kill', 'production', '--message', 'wait'])).toEqual({
      code: 0,
      value: {
        ok: true,
        path: `${base}/killswitch.d/production`,
        unknown: null,
        killswitch: [expect.objectContaining({ environment: 'production', stopsAll: false, message: 'wait', told: 0 })],
      },
    });
  });

  test('once more replaces the message, and without one leaves it', async () => {
    const { run, read } = await testBase();
    await run(['kill', '--message', 'first']);
    await run(['kill', '--message', 'second']);
    await run(['kill']);
    expect(await read('killswitch')).toBe('second\n');
  });

  test('needs nothing but the base: a schedule that cannot be read, a state that is no directory, or a locked base is no hindrance', async () => {
    const base = await disposableDirectory();
    await mkdir(join(base, 'schedule.yml'));
    await writeFile(join(base, 'server.yml'), 'listen: [');
    await writeFile(join(base, 'var'), 'no directory');
    await holdLock(base);
    const { code, stdout } = await runCommand(['kill', '--base', base, '--message', 'stop']);
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /^\S+\/killswitch exists: no host is given anything by it from now on\.\nWho has been told is not known: server\.yml line 1/,
    );
    expect((await lstat(join(base, 'killswitch'))).isFile()).toBe(true);
    const json = await runCommand(['kill', 'production', '--base', base, '--json']);
    expect([json.code, JSON.parse(json.stdout)]).toEqual([
      0,
      {
        ok: true,
        path: `${base}/killswitch.d/production`,
        killswitch: [],
        unknown: expect.stringContaining('server.yml'),
      },
    ]);
  });

  test('does not wait for a history that another process keeps locked', async () => {
    const { run, base } = await testBase();
    const database = new Database(join(base, 'var/history.sqlite'));
    onTestFinished(() => {
      database.close();
    });
    database.pragma('locking_mode = exclusive');
    database.exec('begin exclusive');
    const { code, stdout } = await run(['kill']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('not known: it took longer than 5 s.')]);
  });

  test('says that it cannot where the base cannot be written', async () => {
    const { base } = await testBase();
    await writeFile(join(base, 'killswitch.d'), '');
    const { code, stdout, stderr } = await runCommand(['kill', 'production', '--base', base]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(
      `${base}/killswitch.d/production could not be changed: a part of its path is no directory`,
    );
  });

  test('never writes through a link, nor waits for a pipe: it stops, and says that the message could not be written', async () => {
    const { run, base, read } = await testBase({ victim: 'precious\n' });
    await symlink('victim', join(base, 'killswitch'));
    const { code, stdout, stderr } = await run(['kill', '--message', 'stop']);
    expect([code, stderr]).toEqual([
      0,
      `${base}/killswitch: the message could not be written to it: it is no regular file\n`,
    ]);
    expect(stdout).toContain('Everything is stopped');
    expect(await read('victim')).toBe('precious\n');
    const other = await testBase();
    await execa('mkfifo', [join(other.base, 'killswitch')]);
    const { value } = await other.json(['kill', '--message', 'stop']);
    expect(value).toMatchObject({ ok: true, warning: expect.stringContaining('no regular file') });
  });

  test('leaves what the server can read, whatever the umask', async () => {
    const { base } = await testBase();
    const umask = process.umask(0o077);
    try {
      await runCommand(['kill', 'production', '--base', base, '--message', 'stop']);
    } finally {
      process.umask(umask);
    }
    expect((await stat(join(base, 'killswitch.d'))).mode & 0o777).toBe(0o755);
    expect((await stat(join(base, 'killswitch.d/production'))).mode & 0o777).toBe(0o644);
  });
});

describe('resume', () => {
  test('shows the message and who will move, then removes the file, and ends with who has been told', async () => {
    const { run, base } = await testBase({ killswitch: 'ask Ana\n' });
    expect(await run(['resume'])).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `It says: ask Ana
development+0h: killswitch → ${NEWEST} (resume)
production+4h: killswitch → ${NEWEST} (resume)
Of 4 known nodes 4 move.
  3 nodes of production+4h: killswitch → ${NEWEST} (resume): ${HOSTS.pinned}, ${HOSTS.silent}, ${HOSTS.web}
  1 node of development+0h: killswitch → ${NEWEST} (resume): ${HOSTS.dev}
${base}/killswitch is removed; nothing is stopped.
Told so far: 4 of 4 nodes.
`,
    });
    expect(await readdir(base)).not.toContain('killswitch');
  });

  test('with --dry-run removes nothing', async () => {
    const { run, json, read } = await testBase({ killswitch: 'ask Ana\n' });
    expect((await run(['resume', '--dry-run'])).stdout).toMatch(/Nothing was changed \(--dry-run\)\.\n$/);
    expect(await json(['resume', '--dry-run'])).toMatchObject({
      code: 0,
      value: { ok: true, dryRun: true, shown: { message: 'ask Ana' } },
    });
    expect(await read('killswitch')).toBe('ask Ana\n');
  });

  test('says what still stops hosts, and that nothing moves because of it', async () => {
    const { run } = await testBase({ killswitch: '', 'killswitch.d/prodution': '' });
    const first = await run(['resume']);
    expect(first.stdout).toContain('By the schedule no wave moves.\nOf 4 known nodes 0 move.\n');
    expect(first.stdout).toContain('killswitch is removed; this stops hosts: killswitch.d/prodution.');
    const second = await run(['resume', 'prodution']);
    expect(second.stdout).toContain(`production+4h: killswitch → ${NEWEST} (resume)`);
    expect(second.stdout).toContain('is removed; nothing is stopped.');
  });

  test('where there is none says what there is, and exits 0', async () => {
    const { run, json } = await testBase({ 'killswitch.d/production': '' });
    expect(await run(['resume'])).toMatchObject({
      code: 0,
      stdout: 'There is no killswitch; this stops hosts: killswitch.d/production.\n',
    });
    expect(await json(['resume', 'development'])).toEqual({ code: 0, value: { ok: true, changed: false } });
  });

  test('removes a link and an empty directory, not what they hold', async () => {
    const { run, base, read } = await testBase({ victim: 'precious\n', killswitch: { linkTo: 'victim' } });
    expect(await run(['resume'])).toMatchObject({ code: 0 });
    expect(await read('victim')).toBe('precious\n');
    await mkdir(join(base, 'killswitch'));
    expect(await run(['resume'])).toMatchObject({ code: 0 });
    await mkdir(join(base, 'killswitch/inside'), { recursive: true });
    const { code, stderr } = await run(['resume']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('killswitch is a directory with something in it')]);
  });
});

describe('both', () => {
  test('are recorded with who did it', async () => {
    const { run, json } = await testBase();
    await run(['kill', '--message', 'ask Ana'], { env: { SUDO_USER: 'ben' } });
    await run(['resume'], { env: { SUDO_USER: 'cleo' } });
    const { value } = await json(['events', '--subject', 'killswitch']);
    expect(value['events']).toEqual([
      expect.objectContaining({ by: expect.stringMatching(/^ben as /), after: expect.stringContaining('ask Ana') }),
      expect.objectContaining({ by: expect.stringMatching(/^cleo as /), after: null }),
    ]);
  });

  test('know who has been told: those whose last answer was the killswitch', async () => {
    const { run } = await testBase({ tagstate: `${NEWEST} bad\n` });
    const { stdout } = await run(['kill', 'development']);
    expect(stdout).toContain(`development is stopped: 0 of 1 known node have been told so far; not yet: ${HOSTS.dev}.`);
    expect((await run(['resume', 'development'])).stdout).toContain(`killswitch → ${BEFORE} (resume): ${HOSTS.dev}`);
  });
});
