import { resolve } from 'node:path';
import type { Store } from '../../ports/store.ts';
import { openThread, ThreadEnded } from '../thread.ts';
import type { Outcome, StoreJobs } from './jobs.ts';
import { type StoreState, troubleOf } from './session.ts';
import { asStore, type Work } from './store.ts';
import { StoreError } from './store-error.ts';

/** So many nodes come over at once: copying more would hold up whoever asks. */
const NODES_AT_ONCE = 500;

/**
 * As `openStore`, in a thread of its own: no query, no batch and no wait for the disk holds up anything else. Should the
 * thread end, what it was asked rejects with a `StoreError`, and the next call finds a new one.
 */
export async function openStoreApart(file: string): Promise<Store> {
  const path = resolve(file);
  const thread = openThread<StoreJobs>({ name: 'store', setting: { file: path } });
  let state: StoreState = { failure: null, doubt: null };
  let closing: Promise<void> | undefined;

  async function call<Name extends keyof Work>(
    name: Name,
    ...given: Parameters<Work[Name]>
  ): Promise<Awaited<ReturnType<Work[Name]>>> {
    if (closing !== undefined)
      throw new StoreError('closed', `${path} was closed`, 'this is a defect: please report it');
    const outcome: Outcome = await thread.ask('call', name, given).catch(whereItEnded);
    state = outcome.state;
    if (!outcome.ok) throw new StoreError(outcome.error.code, outcome.error.message, outcome.error.hint);
    return outcome.value as Awaited<ReturnType<Work[Name]>>;
  }

  function whereItEnded(error: unknown): Outcome {
    if (!(error instanceof ThreadEnded)) throw error;
    const { message } = error;
    const hint = 'it goes on by itself; what was being written may have to be sent again';
    return {
      ok: false,
      error: { code: 'unusable', message, hint },
      state: { ...state, failure: `${message}; ${hint}` },
    };
  }

  await call('begin');
  const work: Work = {
    begin: () => call('begin'),
    recordPolls: (polls) => call('recordPolls', polls),
    recordReports: (reported) => call('recordReports', reported),
    tagFailures: (tag, since) => call('tagFailures', tag, since),
    tagRuns: (tag, at) => call('tagRuns', tag, at),
    nodes: (page) => call('nodes', page),
    nodesAt: (query) => call('nodesAt', query),
    node: (hostname) => call('node', hostname),
    toldCounts: (seenSince) => call('toldCounts', seenSince),
    whereabouts: (query) => call('whereabouts', query),
    whereaboutsAt: (query) => call('whereaboutsAt', query),
    tagsOf: (digests) => call('tagsOf', digests),
    lastStopped: (query) => call('lastStopped', query),
    recordedSince: () => call('recordedSince'),
    silentNodes: (query) => call('silentNodes', query),
    unstoppedNodes: (query) => call('unstoppedNodes', query),
    seats: (after, limit) => call('seats', after, limit),
    forgetNodes: (hostnames) => call('forgetNodes', hostnames),
    reports: (hostname, limit) => call('reports', hostname, limit),
    toldAt: (hostname, at) => call('toldAt', hostname, at),
    toldHistory: (hostname, limit) => call('toldHistory', hostname, limit),
    addEvents: (events) => call('addEvents', events),
    chainHead: () => call('chainHead'),
    lookAtChain: (expected) => call('lookAtChain', expected),
    events: (query) => call('events', query),
    newsSince: (last) => call('newsSince', last),
    recordControl: (change) => call('recordControl', change),
    controlAt: (name, at) => call('controlAt', name, at),
    copyTags: (records) => call('copyTags', records),
    markPruned: (tags, at) => call('markPruned', tags, at),
    tagsAt: (at) => call('tagsAt', at),
    prune: (before) => call('prune', before),
    checkWritable: () => call('checkWritable'),
    close() {
      closing ??= thread.close().catch(() => undefined);
      return closing;
    },
  };
  return asStore(work, { trouble: () => troubleOf(path, state), nodesAtOnce: NODES_AT_ONCE });
}
