import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseHostname } from '../../protocol/names.ts';
import { assign } from '../../server/operations/assign.ts';
import { fetchSource } from '../../server/operations/fetch.ts';
import { backfill, snapshotByHand } from '../../server/operations/snapshot.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { unwrap } from '../rig/records.ts';
import { type TestServer, testServer } from '../rig/server.ts';
import { runCommand } from '../rig/server-process.ts';
import { signedCommit, sshSigner } from '../rig/signers.ts';

const HOST = parseHostname('web1.example.com') ?? ('' as never);
const SCHEDULE = 'waves: [{environment: production, default: true, hours: 0}]\n';
const ACTOR = { by: 'ada', from: 'command line' };
const tag = (hour: string) => `etchautotag-20261120-${hour}00`;

/** A server that only takes what Ada has signed; the 08:00 tag is made of her first commit. */
async function signedTrain() {
  const [source, ada, eve] = [await sourceRepository(), await sshSigner('ada@example.com'), await sshSigner('eve')];
  const base = await disposableDirectory();
  const allowed = join(base, 'allowed_signers');
  await writeFile(allowed, ada.allowed);
  const first = await signedCommit(source, { by: ada, files: { motd: 'one\n' }, at: '2026-11-20T07:00:00Z' });
  const env = {
    TAGWAVE_REPO_URL: source.directory,
    TAGWAVE_REPO_VERIFY: 'ssh',
    TAGWAVE_REPO_ALLOWED_SIGNERS: allowed,
  };
  const server = await testServer({ now: '2026-11-20T08:00:05Z', base, env, files: { 'schedule.yml': SCHEDULE } });
  await server.passTo('2026-11-20T08:00:10Z');
  return { source, ada, eve, server, first, allowed, env, base };
}

const namesOf = ({ app }: TestServer) => app.context.shelf.current().tags.map((record) => record.name);
const problemsOf = ({ app }: TestServer) => app.context.problems.standing();
const idsOf = (server: TestServer) => problemsOf(server).map(({ id }) => id);

describe('while the tip is not signed by somebody who may', () => {
  test('no tag is made, not even a stale one, problems name commit and signer, and the tags already made go on', async () => {
    const { source, eve, server, first } = await signedTrain();
    expect(server.app.context.shelf.current().byName.get(tag('08') as never)).toMatchObject({ commit: first });
    const wrong = await signedCommit(source, { by: eve, files: { motd: 'evil\n' } });
    await server.passTo('2026-11-20T09:00:05Z');
    await server.passTo('2026-11-20T09:30:00Z');
    expect(namesOf(server)).toEqual([tag('08')]);
    const [signature] = problemsOf(server).filter(({ id }) => id === `repository:unverified:${wrong.slice(0, 12)}`);
    expect(signature).toMatchObject({ severity: 'error' });
    expect(signature?.sentence).toContain(wrong.slice(0, 12));
    expect(signature?.sentence).toContain(eve.key);
    expect(problemsOf(server).find(({ id }) => id === 'snapshot:no-tag')?.sentence).toContain(
      `${tag('09')} could not be made: the commit ${wrong.slice(0, 12)}`,
    );
    const answer = await assign(server.app.context, { hostname: HOST });
    expect(answer).toMatchObject({ kind: 'serve', tag: tag('08') });
    expect(JSON.stringify(answer)).toContain(`the newest before ${tag('09')}, which does not exist`);
  });

  test('status says so from the command line, too, which has fetched nothing itself', async () => {
    const { source, server, env, base } = await signedTrain();
    const wrong = await source.commit({ motd: 'not signed\n' });
    await fetchSource(server.app.context);
    const told = async () => (await runCommand(['status', '--base', base], { env })).stdout;
    expect(await told()).toContain(`the commit ${wrong.slice(0, 12)}`);
    expect(await told()).toContain('is not signed');
    expect(await told()).not.toContain('No problems.');
  });

  test('trunk stays what it was, and its tagstate does not count', async () => {
    const { source, server, first } = await signedTrain();
    await source.commit({ tagstate: `${tag('08')} bad nobody signed this\n`, motd: 'evil\n' });
    await fetchSource(server.app.context);
    const shelf = server.app.context.shelf.current();
    expect(shelf.trunk?.commit).toBe(first);
    expect(shelf.repositoryMarks.size).toBe(0);
    expect(await assign(server.app.context, { hostname: HOST })).toMatchObject({ kind: 'serve', tag: tag('08') });
  });

  test('neither a snapshot by hand nor a named commit makes a tag of it', async () => {
    const { source, server, ada, first } = await signedTrain();
    const wrong = await source.commit({ motd: 'not signed\n' });
    server.clock.advance(3_600_000);
    server.app.context.time.check();
    const { context } = server.app;
    expect(await snapshotByHand(context, { actor: ACTOR })).toMatchObject({
      kind: 'failed',
      sentence: expect.stringContaining('is not signed'),
    });
    expect(await snapshotByHand(context, { commit: wrong, actor: ACTOR })).toMatchObject({ kind: 'failed' });
    // A good tip on top makes no difference to what is named.
    await signedCommit(source, { by: ada, files: { motd: 'signed\n' } });
    expect(await snapshotByHand(context, { commit: wrong, actor: ACTOR })).toMatchObject({ kind: 'failed' });
    expect(await snapshotByHand(context, { commit: first, actor: ACTOR })).toMatchObject({ kind: 'made' });
  });
});

describe('when the tip is signed again', () => {
  test('within ten minutes the hour still gets its tag', async () => {
    const { source, ada, server } = await signedTrain();
    await source.commit({ motd: 'not signed\n' });
    await server.passTo('2026-11-20T09:00:05Z');
    const good = await signedCommit(source, { by: ada, files: { motd: 'two\n' } });
    await server.passTo('2026-11-20T09:05:00Z');
    expect(server.app.context.shelf.current().byName.get(tag('09') as never)).toMatchObject({ commit: good });
    expect(idsOf(server).filter((id) => /unverified|no-tag/.test(id))).toEqual([]);
  });

  test('later the hour stays without one, which is no problem any more, and the next hour has its tag', async () => {
    const { source, ada, server } = await signedTrain();
    await source.commit({ motd: 'not signed\n' });
    server.clock.advance(50 * 60_000);
    await fetchSource(server.app.context);
    await server.passTo('2026-11-20T09:00:05Z');
    expect(idsOf(server)).toContain('snapshot:no-tag');
    const good = await signedCommit(source, { by: ada, files: { motd: 'two\n' } });
    await server.passTo('2026-11-20T09:30:00Z');
    await fetchSource(server.app.context);
    await server.passTo('2026-11-20T09:31:00Z');
    expect(namesOf(server)).toEqual([tag('08')]);
    expect(idsOf(server).filter((id) => /unverified|no-tag/.test(id))).toEqual([]);
    expect(server.app.context.shelf.current().trunk?.commit).toBe(good);
    await server.passTo('2026-11-20T10:00:05Z');
    expect(namesOf(server)).toEqual([tag('08'), tag('10')]);
  });

  test('an hour that began before the tip was pushed that nobody signed has the tip that it began with', async () => {
    const { source, ada, server, first } = await signedTrain();
    await source.commit({ motd: 'not signed\n' });
    await server.passTo('2026-11-20T09:00:05Z');
    await signedCommit(source, { by: ada, files: { motd: 'two\n' } });
    server.clock.advance(30 * 60_000);
    await fetchSource(server.app.context);
    await server.passTo('2026-11-20T09:31:00Z');
    const made = server.app.context.shelf.current().byName.get(tag('09') as never);
    expect(made).toMatchObject({ commit: first, origin: 'late' });
  });

  test('a tag made late of a commit whose signer was added afterwards is that commit’s', async () => {
    const { source, ada, eve, server, allowed } = await signedTrain();
    const hers = await signedCommit(source, { by: eve, files: { motd: 'by eve\n' } });
    server.clock.advance(50 * 60_000);
    await fetchSource(server.app.context);
    await server.passTo('2026-11-20T09:00:05Z');
    await writeFile(allowed, `${ada.allowed}${eve.allowed}`);
    await server.passTo('2026-11-20T09:30:00Z');
    expect(server.app.context.shelf.current().byName.get(tag('09') as never)).toMatchObject({
      commit: hers,
      origin: 'late',
    });
  });
});

test('a server that is told to verify serves no trunk that nobody signed, and keeps what stopped a tag before', async () => {
  const source = await sourceRepository();
  const base = await disposableDirectory();
  await source.commit({ tagstate: `${tag('08')} bad broke ntp\n` }, { at: '2026-11-20T07:00:00Z' });
  const env = { TAGWAVE_REPO_URL: source.directory };
  const before = await testServer({ now: '2026-11-20T08:00:05Z', base, env });
  await before.passTo('2026-11-20T08:00:10Z');
  await before.stop();
  const allowed = join(base, 'allowed_signers');
  await writeFile(allowed, (await sshSigner('ada@example.com')).allowed);
  const strict = { ...env, TAGWAVE_REPO_VERIFY: 'ssh', TAGWAVE_REPO_ALLOWED_SIGNERS: allowed };
  const after = await testServer({ now: '2026-11-20T08:30:00Z', base, env: strict });
  const shelf = after.app.context.shelf.current();
  expect(shelf.trunk).toBeNull();
  expect(shelf.repositoryMarks.size).toBe(1);
  const asked = await assign(after.app.context, { hostname: HOST, asked: 'trunk' });
  expect(asked.kind).not.toBe('serve');
});

test('the past is filled in from signed commits only', async () => {
  const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
  const base = await disposableDirectory();
  const allowed = join(base, 'allowed_signers');
  await writeFile(allowed, ada.allowed);
  await source.commit({ a: 'before there were signatures' }, { at: '2026-11-20T04:30:00Z' });
  await signedCommit(source, { by: ada, files: { a: 'signed' }, at: '2026-11-20T06:30:00Z' });
  const server = await testServer({
    now: '2026-11-20T08:20:00Z',
    base,
    env: {
      TAGWAVE_REPO_URL: join(base, 'none-yet'),
      TAGWAVE_REPO_VERIFY: 'ssh',
      TAGWAVE_REPO_ALLOWED_SIGNERS: allowed,
    },
  });
  await source.git(['clone', '--quiet', '--bare', source.directory, join(base, 'none-yet')]);
  const filled = await backfill(server.app.context, 3, ACTOR);
  expect(filled).toMatchObject({ kind: 'done', without: [expect.stringContaining('is not signed')] });
  expect(namesOf(server)).toEqual([tag('07'), tag('08')]);
  unwrap(await fetchSource(server.app.context));
});
