import { readdir, readFile, rename, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { digestOfToken, idOfToken } from '../../server/core/token.ts';
import { judgeEnrolment, waitingHosts } from '../../server/operations/enrolments.ts';
import { createToken, revoke, type TokenOrder } from '../../server/operations/tokens.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';
import { type TlsServing, tlsPlace, tlsServing } from '../tls/tls-serving.ts';
import { currentTree, type Ended, runClient, startClient } from './run-client.ts';

const ADMIN = { by: 'ana', from: 'command line' } as const;
const POLL_SH = join(import.meta.dirname, '../../samples/poll.sh');
const OVERLAP_MS = 61 * 60_000;

interface Host {
  readonly target: string;
  readonly flags: readonly string[];
  run(command: string, ...more: readonly string[]): Promise<Ended>;
  token(name?: string): Promise<string>;
}

type Serving = TlsServing & { readonly ca: string };

async function server(joining: string): Promise<Serving> {
  const place = await tlsPlace();
  const served = await tlsServing(place, { 'auth.nodes': 'tokens', 'auth.joining': joining });
  const ca = join(await disposableDirectory(), 'ca.pem');
  await writeFile(ca, place.authority.certificate);
  return { ...served, ca };
}

async function host({ url, ca }: Serving, hostname = 'web1.dev.example.com'): Promise<Host> {
  const target = await disposableDirectory();
  const flags = ['--server', url, '--ca', ca, '--hostname', hostname, '--target', target];
  return {
    target,
    flags,
    run: (command, ...more) => runClient([command, ...flags, ...more]),
    token: async (name = 'token') => (await readFile(join(target, name), 'utf8')).trim(),
  };
}

/** A token that an admin makes. */
async function made({ app, clock }: Serving, order: Partial<TokenOrder>): Promise<string> {
  const created = await createToken(app.context, {
    ...{ kind: 'join', hosts: '*', groups: [], uses: null, expiresAt: clock.now() + 3_600_000 },
    ...{ mostNames: 1000, actor: ADMIN },
    ...order,
  } as TokenOrder);
  if (!created.ok) throw new Error(created.sentence);
  return created.value.token;
}

const idFrom = (token: string): string => {
  const digest = digestOfToken(token);
  if (digest === undefined) throw new Error('no token');
  return idOfToken(digest);
};

const RUNS = { code: 0, stderr: '' };
const REFUSED = { code: 1, stderr: expect.stringContaining('does not know the token') };

test('a host with a join token gets in, has its files, and reports; without one, with one that is used up, or for another name, none does', async () => {
  const serving = await server('join-token');
  const join1 = await made(serving, { kind: 'join', hosts: 'web1.dev.example.com', uses: 1 } as Partial<TokenOrder>);
  const file = join(await disposableDirectory(), 'join-token');
  await writeFile(file, join1, { mode: 0o600 });
  const web1 = await host(serving);
  expect(await web1.run('poll')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("'tagwave enroll' gets one"),
  });
  expect(await web1.run('enroll')).toMatchObject({ code: 1, stderr: expect.stringContaining('join token') });
  const other = await host(serving, 'web2.dev.example.com');
  expect(await other.run('enroll', '--join-token-file', file)).toMatchObject({ code: 1 });
  expect(await web1.run('enroll', '--join-token-file', file)).toMatchObject(RUNS);
  expect(await web1.run('poll')).toMatchObject({ ...RUNS, stdout: expect.stringContaining('now on etchautotag') });
  expect(await currentTree(web1.target)).toMatchObject({ 'etc/motd': expect.stringContaining('hello at') });
  expect(await web1.run('poll')).toMatchObject({ ...RUNS, stdout: '' });
  expect(JSON.parse(await web1.token('state.json'))).toMatchObject({ reports: [], reportProblem: null });
  // The same one is answered again, although the join token is used up: an answer may have been lost.
  expect(await web1.run('enroll')).toMatchObject({ code: 0, stdout: expect.stringContaining('already') });
  const second = await host(serving);
  expect(await second.run('enroll', '--join-token-file', file)).toMatchObject({ code: 1 });
  // Its token speaks for its own name alone.
  await writeFile(join(other.target, 'token'), `${await web1.token()}\n`, { mode: 0o600 });
  expect(await other.run('poll')).toMatchObject({ code: 1, stderr: expect.stringContaining('is for another name') });
  const secrets = [(await web1.token()).slice(4), join1.slice(4)];
  for (const secret of secrets) expect(serving.logText()).not.toContain(secret);
});

test('where an admin says yes a host waits, is listed by the id that it shows, and runs once it is let in', async () => {
  const serving = await server('approve');
  const web1 = await host(serving);
  const waiting = await web1.run('enroll');
  expect(waiting).toMatchObject({ code: 4, stderr: expect.stringContaining(idFrom(await web1.token())) });
  expect(await web1.run('poll')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('nobody has let this host in'),
  });
  const [asked] = waitingHosts(serving.app.context);
  expect(asked).toMatchObject({ hostname: 'web1.dev.example.com', id: idFrom(await web1.token()), from: '127.0.0.1' });
  if (asked === undefined) return;
  await judgeEnrolment(serving.app.context, { id: asked.id, isApproved: true, mostNames: 1000, actor: ADMIN });
  expect(await web1.run('enroll', '--wait')).toMatchObject(RUNS);
  expect(await web1.run('poll')).toMatchObject({ ...RUNS, stdout: expect.stringContaining('now on') });
});

test('by first use the name is taken: only the token that came first speaks for it', async () => {
  const serving = await server('first-use');
  const [first, second] = [await host(serving), await host(serving)];
  expect(await first.run('enroll')).toMatchObject(RUNS);
  expect(await second.run('enroll')).toMatchObject({ code: 1, stderr: expect.stringContaining('not let in') });
  expect(await second.run('poll')).toMatchObject(REFUSED);
  expect(await first.run('poll')).toMatchObject(RUNS);
});

test('a rotation that is killed at any moment lets no poll fail, and afterwards the old token does not count any more', async () => {
  const serving = await server('first-use');
  const web1 = await host(serving);
  await web1.run('enroll');
  await web1.run('poll');
  const before = await web1.token();
  for (let round = 0; round < 4; round++) {
    const { child, ended } = await startClient(['enroll', ...web1.flags, '--rotate']);
    const isNextThere = async (): Promise<true | undefined> =>
      child.exitCode !== null || (await readdir(web1.target)).includes('token.next') || undefined;
    await until('it to begin', isNextThere);
    // Each a little later than the one before, with a poll in between.
    for (let poll = 0; poll < round; poll++) expect(await web1.run('poll')).toMatchObject(RUNS);
    child.kill('SIGKILL');
    await ended;
    expect(await web1.run('poll')).toMatchObject(RUNS);
    serving.clock.advance(OVERLAP_MS);
    expect(await web1.run('poll')).toMatchObject(RUNS);
  }
  expect(await web1.run('enroll', '--rotate')).toMatchObject({ code: 0 });
  expect(await web1.token()).not.toBe(before);
  serving.clock.advance(OVERLAP_MS);
  expect(await web1.run('poll')).toMatchObject(RUNS);
  await writeFile(join(web1.target, 'token'), before);
  expect(await web1.run('poll')).toMatchObject(REFUSED);
});

test('a poll replaces a token that is as old as it may become, and not one that is younger', async () => {
  const serving = await server('first-use');
  const web1 = await host(serving);
  await web1.run('enroll');
  const before = await web1.token();
  expect(await web1.run('poll', '--rotate-days', '30')).toMatchObject(RUNS);
  expect(await web1.token()).toBe(before);
  const then = new Date(Date.now() - 31 * 86_400_000);
  await utimes(join(web1.target, 'token'), then, then);
  expect(await web1.run('poll')).toMatchObject(RUNS);
  expect(await web1.token()).toBe(before);
  expect(await web1.run('poll', '--rotate-days', '30')).toMatchObject(RUNS);
  expect(await web1.token()).not.toBe(before);
  serving.clock.advance(OVERLAP_MS);
  expect(await web1.run('poll', '--rotate-days', '30')).toMatchObject(RUNS);
});

test('a revoked token counts at once no more, the host keeps what it has, and says so once', async () => {
  const serving = await server('first-use');
  const web1 = await host(serving);
  await web1.run('enroll');
  await web1.run('poll');
  const tree = await currentTree(web1.target);
  await revoke(serving.app.context, { which: { hostname: 'web1.dev.example.com' as Hostname }, actor: ADMIN });
  expect(await web1.run('poll')).toMatchObject(REFUSED);
  expect(await web1.run('poll')).toMatchObject({ code: 1, stdout: '', stderr: '' });
  expect(await web1.run('enroll')).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`rm ${web1.target}/token`),
  });
  expect(await currentTree(web1.target)).toEqual(tree);
  // A token that an admin makes by hand takes its place.
  const issued = await made(serving, {
    kind: 'node',
    hostname: 'web1.dev.example.com',
    expiresAt: null,
  } as Partial<TokenOrder>);
  await writeFile(join(web1.target, 'new'), issued, { mode: 0o600 });
  await rename(join(web1.target, 'new'), join(web1.target, 'token'));
  expect(await web1.run('poll')).toMatchObject(RUNS);
});

test('a host that watches goes on with the token that took the place of the one it had', async () => {
  const serving = await server('first-use');
  const web1 = await host(serving);
  await web1.run('enroll');
  const { child, ended } = await startClient(['watch', ...web1.flags, '--splay', '0'], {
    env: { JOURNAL_STREAM: '8:1' },
  });
  const has = (text: string) =>
    until(
      `${text} to be there`,
      async () => (await currentTree(web1.target))?.['etc/motd']?.includes(text) || undefined,
    );
  try {
    await has('hello at 7');
    expect(await web1.run('enroll', '--rotate')).toMatchObject({ code: 0 });
    // An hour later the next tag is due, and the old token counts no more.
    serving.clock.advance(OVERLAP_MS);
    child.kill('SIGHUP');
    await has('hello at 8');
  } finally {
    child.kill('SIGTERM');
    await ended;
  }
});

test('poll.sh enrols and polls over TLS, and changes places with the full client', async () => {
  const serving = await server('first-use');
  const web1 = await host(serving);
  const flags = ['-s', serving.url, '-c', serving.ca, '-n', 'web1.dev.example.com', '-t', web1.target];
  const poll = (...more: string[]) => execa('dash', [POLL_SH, ...flags, ...more], { reject: false });
  expect(await poll()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('poll.sh -e gets one') });
  expect(await poll('-e')).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await poll()).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('now runs'), stderr: '' });
  expect(await currentTree(web1.target)).toMatchObject({ 'etc/motd': expect.stringContaining('hello at') });
  expect(await web1.run('enroll', '--rotate')).toMatchObject({ code: 0 });
  serving.clock.advance(OVERLAP_MS);
  expect(await poll('-v')).toMatchObject({ exitCode: 0 });
});
