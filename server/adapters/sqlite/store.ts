import { resolve } from 'node:path';
import type { NodeRow, Store } from '../../ports/store.ts';
import { openAnchor, readAnchor } from './anchor.ts';
import { silentNodes, toldCounts, unstoppedNodes } from './census.ts';
import { appendEvents, headOf, lookAtChain } from './chain.ts';
import { openForReading, openForWriting } from './connection.ts';
import { controlAt, recordControl } from './control.ts';
import { findEvents, newsSince } from './events.ts';
import { gather } from './gather.ts';
import { findNode, findNodes, findSeats, forgetNodes, type NodePage } from './nodes.ts';
import { findNodesAt, toldAt, toldHistory } from './past.ts';
import { recordPolls } from './polls.ts';
import { prune } from './prune.ts';
import { type Reported, recordReports, reportsOf } from './reports.ts';
import { type Session, type StoreState, startSession, troubleOf } from './session.ts';
import { StoreError } from './store-error.ts';
import { tagFailures, tagRuns } from './tag-runs.ts';
import { copyTags, markPruned, tagsAt } from './tags.ts';
import { atOneMoment } from './transaction.ts';
import { lastStopped, recordedSince, tagsOf, whereabouts, whereaboutsAt } from './whereabouts.ts';
import { startWriter, type Work as Task } from './writer.ts';

/** The store as it works on its file, in this thread or in another: as `Store`, with reports in lots and nodes in pages. */
export interface Work extends Omit<Store, 'recordReport' | 'nodes' | 'trouble'> {
  /** Makes the file where there is none. Rejects only with a `StoreError` `newer`. */
  begin(): Promise<void>;
  recordReports(reported: readonly Reported[]): Promise<('new' | 'known')[]>;
  nodes(page: NodePage): Promise<NodeRow[]>;
}

/** Few enough that other requests are answered while a large fleet is read. */
const NODES_AT_ONCE = 1000;

/**
 * The store in a SQLite file, which is made where there is none, brought to the present format, and may be used by
 * several processes at once. Resolves also where the file cannot be used now: then `trouble()` says why, calls reject
 * with a `StoreError`, and the first call that finds the file usable goes on. Rejects only with a `StoreError` `newer`,
 * for a file that a newer version of this program has written.
 */
export async function openStore(file: string): Promise<Store> {
  const { work, state, path } = openWork(file);
  await work.begin();
  return asStore(work, { trouble: () => troubleOf(path, state()), nodesAtOnce: NODES_AT_ONCE });
}

/** As `openStore`, for calls to begin with `begin`. */
export function openWork(file: string): { work: Work; state: () => StoreState; path: string } {
  const path = resolve(file);
  const session = startSession({ file: path, open: () => openForWriting(path), mayReplace: true });
  const anchor = openAnchor(path);
  const writer = startWriter(session, anchor);
  const begin = async (): Promise<void> => {
    try {
      await session.use('write', anchor.check);
    } catch (error) {
      if (!(error instanceof StoreError) || error.code === 'newer') throw error;
    }
  };
  const close = async (): Promise<void> => {
    await writer.settled();
    await session.close();
  };
  const state = () => ({ failure: session.failure(), doubt: anchor.doubt() });
  return { work: { ...workOn(path, session, writer.write), begin, close }, state, path };
}

/**
 * The store for a user who need not have the right to write the file or its directory. Calls that write reject.
 * Rejects with a `StoreError` where the file is `absent`, `older` or `newer`, or cannot be read.
 */
export async function openStoreForReading(file: string): Promise<Store> {
  const path = resolve(file);
  const session = startSession({ file: path, open: () => openForReading(path), mayReplace: false });
  const begin = () => session.use('read', async () => undefined);
  await begin();
  const refuse = () =>
    Promise.reject(new StoreError('read-only', `${path} was opened for reading only`, 'open it for writing'));
  const work = { ...workOn(path, session, refuse), begin, close: session.close };
  return asStore(work, {
    trouble: () => troubleOf(path, { failure: session.failure(), doubt: null }),
    nodesAtOnce: NODES_AT_ONCE,
  });
}

/** What callers see: reports come singly and are written in lots, nodes are read in pages. */
export function asStore(
  { recordReports, nodes, begin: _, close, ...work }: Work,
  { trouble, nodesAtOnce }: { readonly trouble: () => string | null; readonly nodesAtOnce: number },
): Store {
  const reports = gather(recordReports);
  return {
    ...work,
    recordReport: (hostname, report, { at, countsIn = null }) => reports.add({ hostname, report, at, countsIn }),
    async nodes({ limit = Number.POSITIVE_INFINITY, ...query } = {}) {
      const found: NodeRow[] = [];
      for (;;) {
        const after = found.at(-1)?.hostname ?? query.after ?? null;
        const wanted = Math.min(nodesAtOnce, limit - found.length);
        const page = await nodes({
          seenSince: query.seenSince ?? null,
          after,
          limit: wanted,
          filter: query.filter ?? {},
        });
        for (const row of page) found.push(row);
        if (page.length < wanted || found.length >= limit) return found;
      }
    },
    trouble,
    async close() {
      await reports.settled();
      await close();
    },
  };
}

function workOn(
  path: string,
  { use }: Session,
  write: <Result>(task: Task<Result>) => Promise<Result>,
): Omit<Work, 'begin' | 'close'> {
  const read = <Result>(task: Task<Result>) => use('read', task);
  return {
    recordPolls: async (polls) => {
      if (polls.length > 0) await write((tx) => recordPolls(tx, polls));
    },
    recordReports: (reported) => write((tx) => recordReports(tx, reported)),
    tagFailures: (tag, since) => read((db) => tagFailures(db, tag, since)),
    tagRuns: (tag, at) => read((db) => tagRuns(db, tag, at)),
    nodes: (page) => read((db) => findNodes(db, page)),
    nodesAt: (query) => read((db) => findNodesAt(db, query)),
    node: (hostname) => read((db) => findNode(db, hostname)),
    toldCounts: (seenSince) => read((db) => toldCounts(db, seenSince)),
    whereabouts: (query) => read((db) => whereabouts(db, query)),
    whereaboutsAt: (query) => read((db) => whereaboutsAt(db, query)),
    tagsOf: (digests) => read((db) => tagsOf(db, digests)),
    lastStopped: (query) => read((db) => lastStopped(db, query)),
    recordedSince: () => read(recordedSince),
    silentNodes: (query) => read((db) => silentNodes(db, query)),
    unstoppedNodes: (query) => read((db) => unstoppedNodes(db, query)),
    seats: (after, limit) => read((db) => findSeats(db, after, limit)),
    forgetNodes: (hostnames) => write((tx) => forgetNodes(tx, hostnames)),
    reports: (hostname, limit) => read((db) => reportsOf(db, hostname, limit)),
    toldAt: (hostname, at) => read((db) => toldAt(db, hostname, at)),
    toldHistory: (hostname, limit) => read((db) => toldHistory(db, hostname, limit)),
    addEvents: (events) => write((tx) => appendEvents(tx, events)),
    chainHead: () => read(async (db) => (await headOf(db)) ?? null),
    // What is kept first: what the history has by then, it still has afterwards.
    lookAtChain(expected) {
      const anchor = readAnchor(path);
      return read((db) => atOneMoment(db, (tx) => lookAtChain(tx, { anchor, expected })));
    },
    events: (query) => read((db) => findEvents(db, query)),
    newsSince: (last) => read((db) => newsSince(db, last)),
    recordControl: (change) => write((tx) => recordControl(tx, change)),
    controlAt: (name, at) => read((db) => controlAt(db, name, at)),
    copyTags: (records) => write((tx) => copyTags(tx, records)),
    markPruned: (tags, at) => write((tx) => markPruned(tx, tags, at)),
    tagsAt: (at) => read((db) => tagsAt(db, at)),
    prune: (before) => prune(write, before),
    checkWritable: async () => {
      await write((tx) =>
        tx
          .updateTable('write_probe')
          .set((row) => ({ writes: row('writes', '+', 1) }))
          .execute(),
      );
    },
  };
}
