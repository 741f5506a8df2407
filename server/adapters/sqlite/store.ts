import { resolve } from 'node:path';
import type { Store } from '../../ports.ts';
import { openForReading, openForWriting } from './connection.ts';
import { controlAt, recordControl } from './control.ts';
import { addEvents, findEvents } from './events.ts';
import { findNode, findNodes, findSeats, forgetNodes, toldAt } from './nodes.ts';
import { recordPolls } from './polls.ts';
import { prune } from './prune.ts';
import { recordReport, reportsOf } from './reports.ts';
import { type Session, startSession } from './session.ts';
import { StoreError } from './store-error.ts';
import { tagFailures, tagRuns } from './tag-runs.ts';
import { copyTags, markPruned, tagsAt } from './tags.ts';
import { startWriter, type Work } from './writer.ts';

/**
 * The store in a SQLite file, which is made where there is none, brought to the present format, and may be used by
 * several processes at once. Resolves also where the file cannot be used now: then `trouble()` says why, calls reject
 * with a `StoreError`, and the first call that finds the file usable goes on. Rejects only with a `StoreError` `newer`,
 * for a file that a newer version of this program has written.
 */
export async function openStore(file: string): Promise<Store> {
  const path = resolve(file);
  const session = startSession({ file: path, open: () => openForWriting(path), mayReplace: true });
  try {
    await session.use('write', async () => undefined);
  } catch (error) {
    if (!(error instanceof StoreError) || error.code === 'newer') throw error;
  }
  const writer = startWriter(session);
  return storeOn(session, writer.write, async () => {
    await writer.settled();
    await session.close();
  });
}

/**
 * The store for a user who need not have the right to write the file or its directory. Calls that write reject.
 * Rejects with a `StoreError` where the file is `absent`, `older` or `newer`, or cannot be read.
 */
export async function openStoreForReading(file: string): Promise<Store> {
  const path = resolve(file);
  const session = startSession({ file: path, open: () => openForReading(path), mayReplace: false });
  await session.use('read', async () => undefined);
  const refuse = () =>
    Promise.reject(new StoreError('read-only', `${path} was opened for reading only`, 'open it for writing'));
  return storeOn(session, refuse, session.close);
}

function storeOn(
  { use, trouble }: Session,
  write: <Result>(work: Work<Result>) => Promise<Result>,
  close: () => Promise<void>,
): Store {
  const read = <Result>(work: Work<Result>) => use('read', work);
  return {
    recordPolls: async (polls) => {
      if (polls.length > 0) await write((tx) => recordPolls(tx, polls));
    },
    recordReport: (hostname, report, { at, countsIn = null }) =>
      write((tx) => recordReport(tx, { hostname, report, at, countsIn })),
    tagFailures: (tag) => read((db) => tagFailures(db, tag)),
    tagRuns: (tag, at) => read((db) => tagRuns(db, tag, at)),
    nodes: (query) => read((db) => findNodes(db, query?.seenSince)),
    node: (hostname) => read((db) => findNode(db, hostname)),
    seats: (after, limit) => read((db) => findSeats(db, after, limit)),
    forgetNodes: (hostnames) => write((tx) => forgetNodes(tx, hostnames)),
    reports: (hostname, limit) => read((db) => reportsOf(db, hostname, limit)),
    toldAt: (hostname, at) => read((db) => toldAt(db, hostname, at)),
    addEvents: (events) => write((tx) => addEvents(tx, events)),
    events: (query) => read((db) => findEvents(db, query)),
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
    trouble,
    close,
  };
}
