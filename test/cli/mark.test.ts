import { writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, readlink, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { holdLock } from '../rig/hold-lock.ts';
import { BEFORE, HOSTS, NEWEST, OLDEST, testBase, useBases } from './base.ts';

useBases();

/** What marking the newest tag bad does to the prepared base. */
const EFFECT = `development+0h: ${NEWEST} → ${BEFORE} (BACK)
production+4h: ${NEWEST} → ${BEFORE} (BACK)
Of 4 known nodes 3 move.
  2 nodes of production+4h: ${NEWEST} → ${BEFORE} (BACK): ${HOSTS.silent}, ${HOSTS.web}
  1 node of development+0h: ${NEWEST} → ${BEFORE} (BACK): ${HOSTS.dev}
  pinned, and staying: ${HOSTS.pinned} (${NEWEST})
`;
/** What the repository says of it, as far as two seconds allow. */
const INSIGHT = `Files: ${NEWEST} → ${BEFORE}: 1 file, +1 −1
  M etc/motd (+1 −1)
Advice: Compared with ${BEFORE}, ${NEWEST} changes or removes 1 file: going back (bad) undoes that.
`;

describe('mark', () => {
  test('bad shows who moves from what to what, who goes backwards and who is pinned, then acts, and ends with who has been told and who is silent', async () => {
    const { run, read } = await testBase();
    const { code, stdout, stderr } = await run(['mark', NEWEST, 'bad', '--reason', 'broke ntp']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.slice(0, EFFECT.length)).toBe(EFFECT);
    expect(stdout).toMatch(`${NEWEST} is now bad: from now on no host is given it that is not pinned to it.
Told so far: 0 of 3 nodes; the others learn it when they next ask.
Silent for more than 60 minutes: ${HOSTS.silent}.
`);
    expect(await read('tagstate')).toBe(`# marks\n${NEWEST} bad broke ntp\n`);
  });

  test('with --dry-run shows the same and changes nothing', async () => {
    const { run, read, base } = await testBase();
    const before = await stat(join(base, 'tagstate'));
    for (const state of ['bad', 'badfwd', 'good', 'none']) {
      const { code, stdout } = await run(['mark', NEWEST, state, '--dry-run']);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Nothing was changed \(--dry-run\)\.\n$/);
      if (state === 'badfwd')
        expect(stdout).toMatch(/Advice: bad fits better than badfwd\.\n.*\nAdvice: There is no newer tag yet/);
      if (state === 'bad') expect(stdout).toBe(`${EFFECT}${INSIGHT}Nothing was changed (--dry-run).\n`);
    }
    expect(await read('tagstate')).toBe('# marks\n');
    expect((await stat(join(base, 'tagstate'))).ino).toBe(before.ino);
  });

  test('with --json prints one object with the effect and who has been told', async () => {
    const { json } = await testBase();
    const { code, value } = await json(['mark', NEWEST, 'bad']);
    expect(code).toBe(0);
    expect(value).toEqual({
      ok: true,
      changed: true,
      preview: expect.objectContaining({
        staying: 1,
        takesEffect: { at: expect.any(String), isAtOnce: true, settleSeconds: expect.any(Number) },
      }),
      told: { concerned: 3, told: 0, waiting: expect.any(Array), silent: [HOSTS.silent] },
    });
    expect(await json(['mark', NEWEST, 'bad'])).toMatchObject({ code: 0, value: { ok: true, changed: false } });
    expect(await json(['mark', NEWEST, 'good', '--dry-run'])).toMatchObject({ code: 0, value: { dryRun: true } });
  });

  test('says what counts when, and nothing to change where it is so already', async () => {
    const { run, read } = await testBase();
    const last = async (...args: string[]) => (await run(['mark', ...args])).stdout.split('\n').at(-3);
    expect(await last(NEWEST, 'good')).toContain('is now good; it counts once tagstate has been unchanged');
    expect(await last(NEWEST, 'good')).toBe(`${NEWEST} is already good: nothing to change.`);
    expect(await last(NEWEST, 'none')).toContain('is taken off; it counts once tagstate has been unchanged');
    expect(await last(NEWEST, 'none')).toBe(`${NEWEST} is not marked: nothing to change.`);
    expect(await read('tagstate')).toBe('# marks\n');
  });

  test('of environments is repeated or separated by commas; one that the schedule does not have is refused with what was meant', async () => {
    const { run, read } = await testBase();
    const environments = ['--environment', 'development', '--environment', 'production'];
    expect(await run(['mark', ...environments, NEWEST, 'bad'])).toMatchObject({ code: 0 });
    expect(await read('tagstate')).toBe(`# marks\n${NEWEST} bad:development,production\n`);
    const { code, stdout, stderr } = await run(['mark', NEWEST, 'badfwd', '--environment', 'development,prodution']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('"prodution" is no environment of the schedule');
    expect(stderr).toContain('was production meant?');
  });

  test('refuses a tag that does not exist, names the nearest, and marks it with --force', async () => {
    const { run, read } = await testBase();
    const missing = 'etchautotag-20200101-0000';
    for (const state of ['bad', 'good']) {
      const { code, stdout, stderr } = await run(['mark', missing, state]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `there is no tag ${missing}\n→ the nearest is ${OLDEST}; "tagwave-server tags" lists them, and --force marks it all the same\n`,
      );
    }
    expect(await run(['mark', missing, 'bad', '--force'])).toMatchObject({ code: 0 });
    expect(await read('tagstate')).toBe(`# marks\n${missing} bad\n`);
  });

  test('is recorded with who made it', async () => {
    const { run, json } = await testBase();
    await run(['mark', NEWEST, 'bad', '--reason', 'x'], { env: { SUDO_USER: 'ana' } });
    const { value } = await json(['events', '--kind', 'mark', '--subject', 'tagstate', '--limit', '1']);
    expect(value['events']).toEqual([
      expect.objectContaining({
        by: expect.stringMatching(/^ana as \S+$/),
        from: 'command line',
        why: 'x',
        after: `${NEWEST} bad x`,
      }),
    ]);
  });
});

describe('mark bad never waits', () => {
  /** The command ends, and the mark is made, while what is in its way goes on. */
  const marks = async (given: Awaited<ReturnType<typeof testBase>>, because: RegExp) => {
    const { code, stdout, stderr } = await given.run(['mark', NEWEST, 'bad', '--reason', 'broke ntp']);
    expect([code, stderr]).toEqual([0, '']);
    expect(await given.read('tagstate')).toContain(`${NEWEST} bad broke ntp\n`);
    expect(stdout).toMatch(because);
    expect(stdout).toContain(`${NEWEST} is now bad`);
    return stdout;
  };

  test('for a history that another process keeps locked', async () => {
    const given = await testBase();
    const database = new Database(join(given.base, 'var/history.sqlite'));
    onTestFinished(() => {
      database.close();
    });
    database.pragma('locking_mode = exclusive');
    database.exec('begin exclusive');
    const stdout = await marks(given, /^Its effect could not be worked out beforehand: it took longer than 2 s\.\n/);
    expect(stdout).toContain('Who has been told: "tagwave-server status" shows it');
  });

  test('for a schedule that is invalid, and nothing to fall back on', async () => {
    const given = await testBase({ 'schedule.yml': 'waves: []\n' });
    await rm(join(given.base, 'var/last-valid'), { recursive: true, force: true });
    await marks(given, /could not be worked out beforehand: there are invalid control files .*schedule\.yml line 1/);
  });

  test('for a schedule that is being written all the time', async () => {
    const given = await testBase();
    await rm(join(given.base, 'var/last-valid'), { recursive: true, force: true });
    const schedule = await given.read('schedule.yml');
    let number = 0;
    const writer = setInterval(() => writeFileSync(join(given.base, 'schedule.yml'), `${schedule}# ${++number}\n`), 10);
    onTestFinished(() => clearInterval(writer));
    await marks(given, /could not be worked out beforehand: it took longer than 2 s/);
  });

  test('for settings that are invalid', async () => {
    const given = await testBase({ 'server.yml': 'repo: {url: 7}\n' });
    await marks(given, /could not be worked out beforehand: server\.yml line 1: repo\.url/);
  });

  test('for a repository that is gone or damaged', async () => {
    const gone = await testBase();
    await rm(join(gone.base, 'var/repository.git'), { recursive: true });
    await marks(gone, /By the schedule no wave moves/);
    const damaged = await testBase();
    await writeFile(join(damaged.base, 'var/repository.git/config'), '[core\n');
    await marks(damaged, /./);
  });

  test('for another editor that keeps the base: it goes on without the lock, and says so', async () => {
    const given = await testBase();
    await holdLock(given.base);
    const stdout = await marks(
      given,
      /is locked by another process: it was edited all the same; see that nobody saves/,
    );
    expect(stdout).toContain(EFFECT);
  });

  test('while every other mark waits for two seconds, and is then refused', async () => {
    const given = await testBase();
    const letGo = await holdLock(given.base);
    const { code, stderr } = await given.run(['mark', NEWEST, 'good']);
    expect([code, stderr]).toEqual([1, expect.stringContaining(`${given.base} is locked by another process`)]);
    expect(await given.read('tagstate')).toBe('# marks\n');
    await letGo();
    expect(await given.run(['mark', NEWEST, 'good'])).toMatchObject({ code: 0 });
  });

  test('and with --json prints one object, whatever could not be worked out', async () => {
    const given = await testBase({ 'server.yml': 'repo: {url: 7}\n' });
    expect(await given.json(['mark', NEWEST, 'bad'])).toEqual({
      code: 0,
      value: { ok: true, changed: true, preview: null, unknown: expect.stringContaining('repo.url') },
    });
    await rm(join(given.base, 'tagstate'));
    await mkdir(join(given.base, 'tagstate'));
    expect(await given.json(['mark', NEWEST, 'bad'])).toEqual({
      code: 1,
      value: {
        ok: false,
        errors: [`${given.base}/tagstate could not be changed: it is no regular file`],
        hint: expect.any(String),
      },
    });
  });
});

describe('the file', () => {
  test('keeps its mode, its links, and every other byte, line ends, strange bytes and all', async () => {
    const { run, base } = await testBase({
      tagstate: Buffer.concat([
        Buffer.from(`\ufeff# Änderung\r\n  \r\n${OLDEST}   BAD:production   caf\u00e9 # keep\r\n`),
        Buffer.from([0x23, 0xff, 0xfe, 0x0d, 0x0a]),
        Buffer.from(`${BEFORE} good`),
      ]),
    });
    await chmod(join(base, 'tagstate'), 0o640);
    await mkdir(join(base, 'shared'));
    await rename(join(base, 'tagstate'), join(base, 'shared/marks'));
    await symlink('shared/marks', join(base, 'tagstate'));
    expect(await run(['mark', NEWEST, 'bad', '--reason', 'broke ntp'])).toMatchObject({ code: 0 });
    expect((await readFile(join(base, 'shared/marks'))).toString('latin1')).toBe(
      Buffer.concat([
        Buffer.from(`\ufeff# Änderung\r\n  \r\n${OLDEST}   BAD:production   caf\u00e9 # keep\r\n`),
        Buffer.from([0x23, 0xff, 0xfe, 0x0d, 0x0a]),
        Buffer.from(`${BEFORE} good\r\n${NEWEST} bad broke ntp\r\n`),
      ]).toString('latin1'),
    );
    expect(await readlink(join(base, 'tagstate'))).toBe('shared/marks');
    expect((await stat(join(base, 'shared/marks'))).mode & 0o7777).toBe(0o640);
    expect(await readdir(join(base, 'shared'))).toEqual(['marks']);
  });

  test('loses nothing where ten processes edit it at once', async () => {
    const { run, read } = await testBase();
    const tags = Array.from({ length: 10 }, (_, hour) => `etchautotag-20200101-0${hour}00`);
    const ended = await Promise.all(tags.map((tag) => run(['mark', tag, 'bad', '--force', '--reason', `by ${tag}`])));
    expect(ended.map(({ code }) => code)).toEqual(tags.map(() => 0));
    const lines = (await read('tagstate')).split('\n');
    expect(lines.sort()).toEqual(['', '# marks', ...tags.map((tag) => `${tag} bad by ${tag}`)]);
  });
});
