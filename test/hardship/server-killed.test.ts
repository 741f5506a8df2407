import { readdirSync, statSync } from 'node:fs';
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { floorHour, type Hour, startOf, tagNameOf } from '../../protocol/names.ts';
import { type App, compose } from '../../server/compose.ts';
import { backfill, snapshotByHand } from '../../server/operations/snapshot.ts';
import { movableClock } from '../rig/clock.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, type SourceRepository, sourceRepository } from '../rig/git.ts';
import { age, quiet, testServer } from '../rig/server.ts';
import { kill9, type Started, startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { ask } from '../stories/ask.ts';
import { HOST_KEYS, HOSTS, NODES, SCHEDULE } from '../stories/train.ts';

const ROUNDS = 25;
/** The hour that the processes find when they look at the machine's clock, unless it has just turned. */
const HOUR = floorHour(Date.now());
const OLDEST = HOUR - 5;

interface Prepared {
  readonly source: SourceRepository;
  readonly base: string;
}

const isoAt = (hour: Hour, minutes: number): string => new Date(startOf(hour) + minutes * 60_000).toISOString();
const inState = (base: string, name: string): string => join(base, 'var', name);

/** A base whose tags go up to the hour before this one. */
async function prepare(): Promise<Prepared> {
  const source = await sourceRepository();
  const files = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`many/${index}`, `${index}\n`]));
  await source.commit(files, { at: isoAt(OLDEST - 1, 0) });
  const base = await disposableDirectory();
  const serverYml = JSON.stringify({ repo: { url: source.directory, branch: 'main' } });
  const controls = { 'server.yml': serverYml, 'schedule.yml': SCHEDULE, 'nodes.yml': NODES };
  for (const [name, text] of Object.entries(controls)) {
    await writeFile(join(base, name), text);
    await age(join(base, name));
  }
  const { context, close } = await opened(base, isoAt(HOUR - 1, 30));
  await backfill(context, 4, { by: 'test', from: null });
  await source.commit({ 'many/0': 'new\n' }, { at: isoAt(HOUR - 1, 30) });
  await context.repository.fetch(context.clock.now());
  await close();
  return { source, base };
}

async function opened(base: string, now: string): Promise<App> {
  const env = { TAGWAVE_SETTLE_SECONDS: '0.1' };
  const composed = await compose({ base, env, flags: {}, role: 'worker', log: quiet, clock: movableClock(now) });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  return composed.app;
}

/** Resolves once the process has begun to work on the repository. */
async function atWork(base: string, lock: string, started: Started): Promise<void> {
  const changed = (): number => statSync(inState(base, lock), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const before = changed();
  await until(`somebody to take ${lock}`, () => changed() !== before || started.child.exitCode !== null);
}

/** Does every round, two at a time; a lane has one after the other. */
async function inLanes(work: (round: number, lane: number) => Promise<void>): Promise<void> {
  const rounds = Array.from({ length: ROUNDS }, (_, round) => round).values();
  const lane = async (number: number): Promise<void> => {
    for (const round of rounds) await work(round, number);
  };
  await Promise.all([lane(0), lane(1)]);
}

/** So many moments, at random but all over the time that the work takes. */
function moment(round: number, took: number): number {
  return ((round + Math.random()) / ROUNDS) * 1.5 * took;
}

async function durationOf(work: Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work;
  return performance.now() - began;
}

function hasTag(base: string, hour: Hour): boolean {
  const refs = inState(base, 'repository.git/refs/tagwave/tags');
  return statSync(join(refs, tagNameOf(hour)), { throwIfNoEntry: false }) !== undefined;
}

/** Git's own locks, which stand in the way of everybody until somebody removes them. */
function locksLeft(base: string): string[] {
  const names = readdirSync(inState(base, 'repository.git'), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.lock'));
}

async function expectSound(base: string): Promise<void> {
  const cwd = inState(base, 'repository.git');
  const { stdout, stderr } = await execa('git', ['fsck', '--strict', '--no-dangling'], { cwd });
  expect(stdout + stderr.replace(/notice: HEAD points to an unborn branch.*\n?/, '')).toBe('');
}

/** What every wave must get in this hour, whether its tag was made before the kill or after the restart. */
const EXPECTED = [0, 1, 2, 3, 4].map((lag) => tagNameOf(HOUR - lag));

/** Starts a server on a base and kills it at its moment; answers how long its tag took, where nobody gave a moment. */
async function killServer(base: string, after: number | undefined): Promise<number> {
  const server = await startCommand(['serve', '--base', base, '--listen', '127.0.0.1:0']);
  await atWork(base, 'repository.lock', server);
  const took = await durationOf(after === undefined ? until('the tag to be made', () => isMade(base)) : delay(after));
  await kill9(server);
  return took;
}

/** The machine's hour may have turned. */
const isMade = (base: string): boolean => hasTag(base, HOUR) || hasTag(base, HOUR + 1);

async function expectSameAnswers(base: string): Promise<void> {
  const restarted = await testServer({ base, now: isoAt(HOUR, 20) });
  await until('the tag of the hour', () => restarted.app.context.shelf.current().byName.has(tagNameOf(HOUR)));
  const answers = await Promise.all(HOST_KEYS.map(async (key) => (await ask(restarted, HOSTS[key])).tag));
  expect(answers).toEqual(EXPECTED);
  expect(restarted.app.context.shelf.current().problems).toEqual([]);
  expect((await fetch(`${restarted.url}/v1/nodes/${HOSTS.dev}/archive`)).status).toBe(200);
  expect(locksLeft(base)).toEqual([]);
  await restarted.stop();
}

async function copyOf({ base }: Prepared): Promise<string> {
  const copy = join(await disposableDirectory(), 'base');
  await cp(base, copy, { recursive: true, preserveTimestamps: true });
  return copy;
}

test(`kill -9 of the server at ${ROUNDS} moments of making the hour's tag leaves no half tag and no lock, and the next start gives the answers that it would have given`, async () => {
  const template = await prepare();
  const took = await killServer(await copyOf(template), undefined);
  let unmade = 0;
  await inLanes(async (round) => {
    const base = await copyOf(template);
    await killServer(base, moment(round, took));
    if (!isMade(base)) unmade++;
    await expectSameAnswers(base);
    if (round % 8 === 0) await expectSound(base);
  });
  expect(unmade).toBeGreaterThan(0);
});

/** As many commits, one after the other, as a branch may be moved to one by one. */
async function commitsAhead({ git }: SourceRepository): Promise<string[]> {
  const tree = await git(['rev-parse', 'HEAD^{tree}']);
  const commits = [await git(['rev-parse', 'HEAD'])];
  while (commits.length <= ROUNDS)
    commits.push(await git(['commit-tree', tree, '-p', commits.at(-1) ?? '', '-m', `commit ${commits.length}`]));
  return commits;
}

interface Order {
  readonly hour: Hour;
  readonly commit: string;
}

/** Has a tag made by the command, which is killed at its moment; answers how long it took, where nobody gave a moment. */
async function killSnapshot(base: string, { hour, commit }: Order, after: number | undefined): Promise<number> {
  const name = isoAt(hour, 0).replace(/\D/g, '').slice(0, 10);
  const snapshot = await startCommand(['snapshot', '--base', base, '--hour', name, '--commit', commit]);
  await atWork(base, 'fetch.lock', snapshot);
  const took = await durationOf(after === undefined ? snapshot.ended : delay(after));
  await kill9(snapshot);
  return took;
}

test(`kill -9 of snapshot at ${ROUNDS} moments of fetching and tagging leaves no half tag and no lock, and the tags that are missing can be made`, async () => {
  const template = await prepare();
  const { source } = template;
  const from = { kind: 'url', url: source.directory, branch: 'main' } as const;
  const orders = (await commitsAhead(source)).map((commit, index): Order => ({ commit, hour: OLDEST - 1 - index }));
  const lanes = [await copyOf(template), await copyOf(template)].map((base) => ({ base, ordered: [] as Order[] }));
  const [first = { hour: 0, commit: '' }, ...rest] = orders;
  const took = await killSnapshot(template.base, first, undefined);
  await inLanes(async (round, lane) => {
    const { base = '', ordered = [] } = lanes[lane] ?? {};
    const order = rest[round] ?? first;
    ordered.push(order);
    await source.git(['update-ref', 'refs/heads/main', order.commit]);
    await killSnapshot(base, order, moment(round, took));
    // What every start does to the repository before anything else.
    const { repository } = await preparedRepository(from, { stateDir: join(base, 'var') });
    const { unreadable, records } = await repository.tags();
    expect(unreadable).toEqual([]);
    expect(records.find(({ hour }) => hour === order.hour)?.commit ?? order.commit).toBe(order.commit);
    expect(locksLeft(base)).toEqual([]);
  });
  for (const { base, ordered } of lanes) {
    const { context, close } = await opened(base, isoAt(HOUR, 20));
    const missing = ordered.filter(({ hour }) => !hasTag(base, hour)).slice(-3);
    expect(missing.length).toBeGreaterThan(0);
    for (const order of missing)
      expect(await snapshotByHand(context, { ...order, actor: { by: 'test', from: null } })).toMatchObject({
        made: { outcome: 'created', record: { commit: order.commit } },
      });
    await expectSound(base);
    await close();
  }
});
