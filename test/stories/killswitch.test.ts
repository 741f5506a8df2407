import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Meddler, meddler } from '../rig/meddler.ts';
import { until } from '../rig/until.ts';
import { all, ask, askAll, problem, problems } from './ask.ts';
import { host } from './hosts.ts';
import { at, BASE, contentAt, HOST_KEYS, HOSTS, train, trainAsNobody } from './train.ts';

const NOTHING_STOPPED = { dev: '10', qa: '09', stg: '08', east: '07', prod: '06' };

/** A host on an older tag, and a new one for it. */
async function hostWithNews(name: string) {
  const server = await train();
  const between = await meddler(server.url);
  const machine = await host(name);
  expect((await machine.poll(between.url)).code).toBe(0);
  const old = await machine.current();
  await server.commit(contentAt(11));
  await server.passTo(at('11:00'));
  return { server, between, machine, old };
}

/** Does something when the client has fetched an archive and not asked again yet. */
function afterStaging(between: Meddler, action: () => void): void {
  between.meddle = (asked) => {
    if (!asked.includes('/archive')) return;
    between.meddle = () => undefined;
    action();
  };
}

describe('a killswitch created after a client staged and before it flips', () => {
  test('flips nothing, exits 3, and shows the message without its terminal escapes', async () => {
    const { server, between, machine, old } = await hostWithNews(HOSTS.dev);
    const file = join(server.base, 'killswitch');
    const message = '\u001b[31mcall alice\u001b[0m \u001b]0;owned\u0007before anything else\u202e\n';
    afterStaging(between, () => writeFileSync(file, message));
    const stopped = await machine.poll(between.url);
    expect(stopped).toMatchObject({ code: 3, stdout: '' });
    expect(stopped.stderr).toContain('stopped by the killswitch: call alice before anything else\n');
    expect(stopped.stderr).not.toMatch(/owned|[^\P{Cc}\n]|\p{Cf}/u);
    expect(await machine.current()).toBe(old);
    expect(readdirSync(join(machine.target, 'releases'))).toHaveLength(2);

    rmSync(file);
    between.requests.length = 0;
    expect((await machine.poll(between.url)).stdout).toContain('now on etchautotag-20261120-1100');
    expect(between.requests.filter((asked) => asked.includes('/archive'))).toEqual([]);
  });

  test('leaves a new host without any release in use', async () => {
    const server = await train();
    const between = await meddler(server.url);
    const machine = await host(HOSTS.prod);
    afterStaging(between, () => writeFileSync(join(server.base, 'killswitch'), ''));
    expect((await machine.poll(between.url)).code).toBe(3);
    expect(await machine.current()).toBeUndefined();
  });

  test('for production stops a host of production in the middle of its run, and not one of QA', async () => {
    const { server, between, machine, old } = await hostWithNews(HOSTS.east);
    mkdirSync(join(server.base, 'killswitch.d'));
    afterStaging(between, () => writeFileSync(join(server.base, 'killswitch.d', 'production'), 'production only\n'));
    const stopped = await machine.poll(between.url);
    expect(stopped).toMatchObject({ code: 3, stdout: '' });
    expect(stopped.stderr).toContain('stopped by the killswitch: production only\n');
    expect(await machine.current()).toBe(old);
    expect((await (await host(HOSTS.qa)).poll(between.url)).code).toBe(0);
  });
});

describe('killswitch.d', () => {
  test('with the name of an environment stops all waves of it and nobody else', async () => {
    const server = await train({ files: { ...BASE, 'killswitch.d/production': 'not today\n' } });
    const stopped = { ...NOTHING_STOPPED, east: 'killswitch', prod: 'killswitch' };
    expect(await askAll(server)).toEqual(stopped);
    expect(await ask(server, HOSTS.prod)).toMatchObject({ status: 423, message: 'not today' });
    await writeFile(join(server.base, 'killswitch.d', '.qa.swp'), '');
    await writeFile(join(server.base, 'killswitch.d', 'qa~'), '');
    expect(await askAll(server)).toEqual(stopped);
    await rm(join(server.base, 'killswitch.d', 'production'));
    expect(await askAll(server)).toEqual(NOTHING_STOPPED);
  });

  test('with a name that is no environment stops all, and says so', async () => {
    const server = await train();
    await mkdir(join(server.base, 'killswitch.d'));
    await writeFile(join(server.base, 'killswitch.d', 'prod'), '');
    expect(await askAll(server)).toEqual(all('killswitch'));
    expect((await ask(server, HOSTS.dev)).message).toContain('killswitch.d/prod names no environment');
    expect(await problem(server, 'killswitch:unknown-environment:prod')).toContain('so it stops everything');
  });

  test.each([
    ['a file', (path: string) => writeFileSync(path, '')],
    ['a dangling link', (path: string) => symlinkSync('nowhere', path)],
  ])('that is %s instead of a directory stops all', async (_what, make) => {
    const server = await train();
    make(join(server.base, 'killswitch.d'));
    expect(await askAll(server)).toEqual(all('killswitch'));
    expect(await problem(server, 'killswitch:doubt')).toContain('killswitch.d');
  });
});

describe('whatever is called killswitch stops all:', () => {
  test.each<[string, (path: string) => unknown]>([
    ['an empty file', (path) => writeFileSync(path, '')],
    ['a directory', (path) => mkdirSync(path)],
    ['a dangling link', (path) => symlinkSync('nowhere', path)],
    ['a link to itself', (path) => symlinkSync('killswitch', path)],
    ['a FIFO that nobody writes to', (path) => execFileSync('mkfifo', [path])],
    ['a file of a hundred megabytes that is not text', (path) => execFileSync('truncate', ['--size=100M', path])],
  ])('%s', async (_what, make) => {
    const server = await train();
    expect(await askAll(server)).toEqual(NOTHING_STOPPED);
    const { digest } = await ask(server, HOSTS.dev);
    make(join(server.base, 'killswitch'));
    expect(await askAll(server)).toEqual(all('killswitch'));
    for (const path of [`${HOSTS.dev}/archive`, `${HOSTS.dev}/manifest`, `../views/${digest}/archive`])
      expect([path, (await ask(server, path)).status]).toEqual([path, 423]);
    rmSync(join(server.base, 'killswitch'), { recursive: true });
    expect(await askAll(server)).toEqual(NOTHING_STOPPED);
    expect((await problems(server)).filter(({ id }) => id.startsWith('killswitch'))).toEqual([]);
  });

  test('also what the server may not read, and a base or killswitch.d that it may not list', async () => {
    const laid = await trainAsNobody({ settleSeconds: 0 });
    const server = await laid.start();
    expect(await askAll(server)).toEqual(NOTHING_STOPPED);
    const [file, directory] = [join(laid.base, 'killswitch'), join(laid.base, 'killswitch.d')];
    await writeFile(file, 'secret\n', { mode: 0o000 });
    await chmod(file, 0o000);
    expect(await askAll(server)).toEqual(all('killswitch'));
    expect((await ask(server, HOSTS.dev)).message).not.toContain('secret');
    await rm(file);
    expect(await askAll(server)).toEqual(NOTHING_STOPPED);

    await mkdir(directory);
    await chmod(directory, 0o000);
    expect(await askAll(server)).toEqual(all('killswitch'));
    await chmod(directory, 0o755);
    expect(await askAll(server)).toEqual(NOTHING_STOPPED);

    for (const mode of [0o300, 0o600, 0o000]) {
      await chmod(laid.base, mode);
      await until(`a base with mode ${mode.toString(8)} to stop all`, async () => {
        const got = await askAll(server);
        return HOST_KEYS.every((key) => got[key] === 'killswitch');
      });
      await chmod(laid.base, 0o755);
    }
  });
});

/** On a memory file system times are so coarse that one change can follow another unseen. */
const PLACES = [tmpdir(), '/dev/shm'].filter((place) => existsSync(place));

test.each(PLACES)('a killswitch counts from the very next request, fifty times in a row, in %s', async (place) => {
  vi.stubEnv('TMPDIR', place);
  onTestFinished(() => void vi.unstubAllEnvs());
  const server = await train();
  await mkdir(join(server.base, 'killswitch.d'));
  const files = [join(server.base, 'killswitch'), join(server.base, 'killswitch.d', 'production')];
  for (let round = 0; round < 50; round++) {
    for (const file of files) {
      writeFileSync(file, `round ${round}\n`);
      expect(await ask(server, HOSTS.prod), file).toMatchObject({ status: 423, message: `round ${round}` });
      rmSync(file);
      expect(await ask(server, HOSTS.prod), file).toMatchObject({ status: 200, gets: '06' });
    }
  }
});
