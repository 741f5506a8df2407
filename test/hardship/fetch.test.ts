import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { gitEnvironment } from '../rig/git.ts';
import { all, ask, askAll, problem, problems } from '../stories/ask.ts';
import { at, HOSTS, type Train, tagAt } from '../stories/train.ts';
import { passTo, recordAt, stillTrain } from './passing.ts';

type Repair = () => Promise<unknown>;

const config = ({ base }: Train): string => join(base, '../config');
const git = async (server: Train, ...args: string[]): Promise<string> =>
  (await execa('git', args, { cwd: config(server), env: gitEnvironment() })).stdout.trim();

async function takeAway(server: Train): Promise<Repair> {
  await rename(config(server), `${config(server)}.away`);
  return () => rename(`${config(server)}.away`, config(server));
}

/** Whoever opens a FIFO waits until somebody writes to it, which nobody does. */
async function makeItHang(server: Train): Promise<Repair> {
  const head = join(config(server), '.git/HEAD');
  await rename(head, `${head}.away`);
  await execa('mkfifo', [head]);
  return () => rename(`${head}.away`, head);
}

async function renameTheBranch(server: Train): Promise<Repair> {
  await git(server, 'branch', '--move', 'main', 'other');
  return () => git(server, 'branch', '--move', 'other', 'main');
}

async function damageTheNewestContent(server: Train): Promise<Repair> {
  const blob = await git(server, 'rev-parse', 'HEAD:etc/release');
  const path = join(config(server), '.git/objects', blob.slice(0, 2), blob.slice(2));
  const before = await readFile(path);
  await rm(path);
  await writeFile(path, 'this is no object');
  return async () => {
    await rm(path);
    await writeFile(path, before);
  };
}

async function rewriteHistory(server: Train): Promise<Repair> {
  const head = await git(server, 'rev-parse', 'HEAD');
  await git(server, 'reset', '--quiet', '--hard', 'HEAD~3');
  await server.commit({ 'etc/release': 'another history\n' });
  return () => git(server, 'reset', '--quiet', '--hard', head);
}

const STRICT = { TAGWAVE_REPO_REQUIRE_FAST_FORWARD: 'true' };
const IMPATIENT = { TAGWAVE_REPO_FETCH_TIMEOUT_SECONDS: '1' };

const FAILURES: readonly [string, (server: Train) => Promise<Repair>, RegExp, Record<string, string>][] = [
  ['the remote is gone', takeAway, /config cannot be reached/, {}],
  ['the remote hangs', makeItHang, /took longer than 1 s and was stopped/, IMPATIENT],
  ['the branch has another name', renameTheBranch, /has no branch "main"; it has other/, {}],
  ['an object of the newest commit is damaged', damageTheNewestContent, /has damaged or missing objects/, {}],
  ['the branch was pushed with force and that is refused', rewriteHistory, /history was rewritten/, STRICT],
];

describe('where', () => {
  test.each(FAILURES)(
    '%s, the hour gets a stale tag of what was fetched last, all tags are served, and the next hour has what was missed, without a restart',
    async (_, breakIt, sentence, env) => {
      const server = await stillTrain({ env });
      const before = await ask(server, HOSTS.dev);
      await server.commit({ 'etc/release': 'not seen\n' });
      const repair = await breakIt(server);

      await passTo(server, at('11:00'));
      expect(await askAll(server)).toEqual({ dev: '11', qa: '10', stg: '09', east: '08', prod: '07' });
      const lastFetched = (await recordAt(server, 10))?.commit;
      expect(await recordAt(server, 11)).toMatchObject({ stale: true, origin: 'cron', commit: lastFetched });
      expect((await ask(server, HOSTS.qa)).digest).toBe(before.digest);
      expect((await fetch(`${server.url}/v1/nodes/${HOSTS.prod}/archive`)).status).toBe(200);
      expect(await problem(server, 'repository:fetch-failed')).toMatch(sentence);
      expect(await problem(server, `tag:stale:${tagAt(11)}`)).toContain('could not be read');

      await repair();
      await passTo(server, at('12:00'));
      expect(await askAll(server)).toEqual({ dev: '12', qa: '11', stg: '10', east: '09', prod: '08' });
      expect(await recordAt(server, 12)).toMatchObject({
        stale: false,
        commit: await git(server, 'rev-parse', 'HEAD'),
      });
      expect(await problems(server)).toEqual([]);
    },
  );
});

test('a branch that was pushed with force is taken as it is, which stays a problem, and tags of the old history are served', async () => {
  const server = await stillTrain();
  await rewriteHistory(server);
  await passTo(server, at('11:00'));
  expect(await recordAt(server, 11)).toMatchObject({
    stale: false,
    commits: null,
    commit: await git(server, 'rev-parse', 'HEAD'),
  });
  expect(await askAll(server)).toEqual({ dev: '11', qa: '10', stg: '09', east: '08', prod: '07' });
  expect((await fetch(`${server.url}/v1/nodes/${HOSTS.qa}/archive`)).status).toBe(200);
  const [{ id, sentence } = { id: '', sentence: '' }] = await problems(server);
  expect(id).toMatch(/^repository:rewritten:/);
  expect(sentence).toContain('the history of the configuration branch was rewritten');
});

test('a source that was never reached means no tag and two problems, and the first tag once it is there', async () => {
  const later = join(await disposableDirectory(), 'later');
  const server = await stillTrain({ lastHour: 0, env: { TAGWAVE_STATE_DIR: 'fresh', TAGWAVE_REPO_URL: later } });
  expect(await problem(server, 'snapshot:no-tag')).toContain(tagAt(10));
  await passTo(server, at('12:00'));
  expect(await askAll(server)).toEqual(all('hold no-tag-old-enough'));
  expect(await problem(server, 'repository:fetch-failed')).toContain('cannot be reached');
  expect(await problem(server, 'snapshot:no-tag')).toContain(tagAt(12));
  await git(server, 'clone', '--quiet', '--bare', '.', later);
  await passTo(server, at('12:01'));
  expect(await recordAt(server, 12)).toMatchObject({ origin: 'cron', stale: false });
  expect(await askAll(server)).toEqual({ ...all('hold no-tag-old-enough'), dev: '12' });
  expect(await problems(server)).toEqual([]);
});
