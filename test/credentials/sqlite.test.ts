import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import Database from 'better-sqlite3';
import { expect, onTestFinished, test } from 'vitest';
import { openKnownCredentials } from '../../server/adapters/credentials/credentials.ts';
import type { TokenDigest } from '../../server/core/token.ts';
import { idOfToken } from '../../server/core/token.ts';
import type { Credentials } from '../../server/ports/credentials.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';
import { credentialsContract } from './contract.ts';
import {
  apply,
  host,
  joinCredential,
  NOW,
  newToken,
  nodeCredential,
  openTestCredentials,
  personCredential,
  put,
} from './samples.ts';

credentialsContract('SQLite', async () => {
  const stateDir = await disposableDirectory();
  return () => openTestCredentials(stateDir);
});

const FILE = 'credentials.sqlite';
const MARKER = 'credentials-in-use';
const childArgs = (verb: string, ...args: string[]) => [
  '--import',
  'tsx',
  join(import.meta.dirname, 'child.ts'),
  verb,
  ...args,
];

async function inChild(verb: string, ...args: string[]): Promise<unknown> {
  const { stdout } = await promisify(execFile)(process.execPath, childArgs(verb, ...args));
  return JSON.parse(stdout);
}

test('who only looks makes no file', async () => {
  const stateDir = await disposableDirectory();
  const credentials = openTestCredentials(stateDir);
  expect(credentials.find(nodeCredential('web1').id)).toBeUndefined();
  expect(credentials.trouble()).toBeNull();
  await credentials.close();
  expect(readdirSync(stateDir)).toEqual([]);
});

test('the file and those beside it can be read by their owner alone, also one that was put back with another mode', async () => {
  const stateDir = await disposableDirectory();
  const credentials = openTestCredentials(stateDir);
  await put(credentials, personCredential('ci'));
  const files = () => readdirSync(stateDir).filter((name) => name.startsWith(FILE));
  expect(files().length).toBeGreaterThan(1);
  for (const name of files()) expect(statSync(join(stateDir, name)).mode & 0o777, name).toBe(0o600);
  await credentials.close();
  chmodSync(join(stateDir, FILE), 0o644);
  expect(openTestCredentials(stateDir).list({ kinds: ['person'], limit: 9 })).toHaveLength(1);
  expect(statSync(join(stateDir, FILE)).mode & 0o777).toBe(0o600);
});

test('what another process revokes is not found any more by who has just found it, a moment later', async () => {
  const stateDir = await disposableDirectory();
  const ours = openTestCredentials(stateDir);
  const door = openKnownCredentials(stateDir);
  onTestFinished(() => door.close());
  const [web, ci] = [nodeCredential('web1'), personCredential('ci')];
  await put(ours, web, ci);
  await until('the door to know the host', () => door.find(web.id) !== undefined);
  expect(door.find(ci.id)).toBeDefined();
  expect(await inChild('revoke', stateDir, web.id)).toBe('revoked');
  await until('ours to be without it', () => ours.find(web.id) === undefined);
  await until('the door to be without it', () => door.find(web.id) === undefined);
  expect(ours.find(ci.id)).toEqual(ci);
});

test('a name that several processes take at once goes to exactly one of three hundred', async () => {
  const stateDir = await disposableDirectory();
  const won = await Promise.all([1, 2, 3].map(() => inChild('race', stateDir, 'web1')));
  expect(won.map(Number).reduce((sum, one) => sum + one)).toBe(1);
});

test('who was answered before a kill -9 is in, with what was handed in', async () => {
  const stateDir = await disposableDirectory();
  const child = spawn(process.execPath, childArgs('join-many', stateDir, 'web'), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout });
  const enough = new Promise<void>((resolve) => {
    lines.on('line', (line) => {
      if (said.push(line) >= 40) resolve();
    });
  });
  const ended = once(child, 'exit');
  await enough;
  child.kill('SIGKILL');
  await ended;
  const credentials = openTestCredentials(stateDir);
  for (const line of said) {
    const [hostname, digest] = line.split(' ');
    // The last line may be cut off.
    if (digest?.length !== 64) continue;
    expect(credentials.find(idOfToken(digest as TokenDigest)), line).toMatchObject({ hostname, digest });
  }
});

test.each(['gone', 'emptied', 'overwritten'] as const)(
  'a file that is %s lets nobody in, says so, and is not begun anew, with or without a restart',
  async (what) => {
    const stateDir = await disposableDirectory();
    const file = join(stateDir, FILE);
    const ours = openTestCredentials(stateDir);
    const web = nodeCredential('web1');
    await put(ours, web);
    await ours.close();
    const backup = readFileSync(file);
    const running = openTestCredentials(stateDir);
    expect(running.find(web.id)).toEqual(web);
    // As somebody would do it who knows nothing of the files beside it.
    for (const name of readdirSync(stateDir)) if (name.startsWith(FILE)) rmSync(join(stateDir, name));
    if (what === 'emptied') writeFileSync(file, '');
    if (what === 'overwritten') writeFileSync(file, 'x'.repeat(10_000));
    await until('the running one to let nobody in', () => running.find(web.id) === undefined);
    expect(running.trouble()).toContain('nobody is let in');
    const restarted = openTestCredentials(stateDir);
    expect(restarted.find(web.id)).toBeUndefined();
    expect(restarted.trouble()).toContain(join(stateDir, MARKER));
    const refused = await restarted.change(() => ({
      result: 0,
      changes: [{ kind: 'put', credential: nodeCredential('web1') }],
    }));
    expect(refused).toMatchObject({ ok: false, sentence: expect.stringContaining('nobody is let in') });
    // Put back, it counts again at once.
    rmSync(file, { force: true });
    writeFileSync(`${file}.back`, backup);
    renameSync(`${file}.back`, file);
    await until('the running one to find it again', () => running.find(web.id) !== undefined);
    expect(running.trouble()).toBeNull();
    await until('the other one to find it again', () => restarted.find(web.id) !== undefined);
  },
);

test('who takes away the marker, too, begins anew at the next start', async () => {
  const stateDir = await disposableDirectory();
  const first = openTestCredentials(stateDir);
  await put(first, nodeCredential('web1'));
  await first.close();
  rmSync(join(stateDir, FILE));
  rmSync(join(stateDir, MARKER));
  const anew = openTestCredentials(stateDir);
  expect(anew.trouble()).toBeNull();
  await put(anew, nodeCredential('web1'));
  expect(existsSync(join(stateDir, MARKER))).toBe(true);
});

test('a file whose middle is damaged lets nobody in', async () => {
  const stateDir = await disposableDirectory();
  const file = join(stateDir, FILE);
  const first = openTestCredentials(stateDir);
  const all = Array.from({ length: 300 }, (_, index) => nodeCredential(`web${index}`));
  await put(first, ...all);
  await first.close();
  const bytes = readFileSync(file);
  writeFileSync(file, bytes.fill(0xff, 3 * 4096, 6 * 4096));
  const damaged = openTestCredentials(stateDir);
  expect(all.filter(({ id }) => damaged.find(id) !== undefined)).toEqual([]);
  expect(damaged.trouble()).toMatch(/damaged.*nobody is let in/);
});

test('a credential that is not whole lets nobody in, and breaks nothing, whoever comes upon it', async () => {
  const web = nodeCredential('web1');
  const ways: readonly ((credentials: Credentials) => unknown)[] = [
    ({ find }) => find(web.id),
    ({ ofNode }) => ofNode(web.hostname),
    ({ list }) => list({ kinds: ['node'], limit: 9 }),
    ({ change }) => change((kept) => ({ result: kept.find(web.id), changes: [] })),
  ];
  for (const way of ways) {
    const stateDir = await disposableDirectory();
    const first = openTestCredentials(stateDir);
    await put(first, web);
    await first.close();
    const database = new Database(join(stateDir, FILE));
    database.exec('update credentials set state = null');
    database.close();
    const credentials = openTestCredentials(stateDir);
    await way(credentials);
    expect(credentials.trouble()).toMatch(new RegExp(`the credential ${web.id} is not whole.*nobody is let in`));
  }
});

test('the file holds digests, and no token', async () => {
  const stateDir = await disposableDirectory();
  const credentials = openTestCredentials(stateDir);
  const tokens = Array.from({ length: 20 }, () => newToken());
  await put(credentials, ...tokens.map((token, index) => nodeCredential(`web${index}`, token)), joinCredential('*.a'));
  const read = () =>
    readdirSync(stateDir)
      .map((name) => readFileSync(join(stateDir, name), 'latin1'))
      .join('\n');
  for (const token of tokens) expect(read()).not.toContain(token.slice(4));
  await credentials.close();
  for (const token of tokens) expect(read()).not.toContain(token.slice(4));
  expect(read()).toContain('web19.example.com');
});

test('one that was revoked while others looked elsewhere stays out after many more changes', async () => {
  const stateDir = await disposableDirectory();
  const [ours, other] = [openTestCredentials(stateDir), openTestCredentials(stateDir)];
  const web = nodeCredential('web1');
  await put(ours, web);
  await until('the other to know it', () => other.find(web.id) !== undefined);
  await apply(ours, { kind: 'drop', id: web.id, at: NOW });
  for (let day = 0; day < 40; day += 1) await apply(ours, { kind: 'sweep', at: NOW + day * 86_400_000 });
  await until('the other to be without it', () => other.find(web.id) === undefined);
  expect(other.ofNode(host('web1'))).toEqual([]);
});
