import type { Report } from '../../protocol/assignment.ts';
import type { Digest, Hostname } from '../../protocol/names.ts';
import type { NodeRow, Poll, SeatRow, Store, Told } from '../ports/store.ts';
import { etagOf, type StandingAnswer } from './assign.ts';
import { countsByTold } from './counts-by-told.ts';
import { factsInCommon } from './facts-in-common.ts';
import { type NodeQuery, storedPages, storedSeats } from './fleet-pages.ts';
import { openHanded } from './handed.ts';
import type { Journal } from './journal.ts';
import type { Epoch, Kind } from './standing.ts';

/**
 * What is at hand of a node: as little as answering it takes, since there may be a million of them. What nodes have in
 * common, as what they are told, is one object for all.
 */
export interface FleetSeat {
  readonly hostname: Hostname;
  readonly firstSeen: number;
  lastSeen: number;
  told: Told | null;
  /** The edition in which it was told something last. */
  toldIn: number;
  running: Digest | null;
  facts: Readonly<Record<string, string>>;
  /** Of its last report. */
  outcome: Report['outcome'] | null;
  /** Nobody knows that there is such a host: it never said what it runs, nor reported anything. */
  isStranger: boolean;
  /** It asked since the last flush. */
  hasAsked: boolean;
  /** So often. */
  polls: number;
  kind: Kind | undefined;
  own: StandingAnswer | undefined;
  ownEpoch: Epoch | undefined;
}

/** The nodes that ask. What each was told last is in memory; the store follows in batches. */
export interface Fleet {
  /** Undefined for a node that has never asked, or that there was no room for. */
  seat(hostname: Hostname): FleetSeat | undefined;
  /** As `seat`; a node that asks for the first time gets one, where there is room. */
  admit(hostname: Hostname, at: number): FleetSeat | undefined;
  seats(): Iterable<FleetSeat>;
  told(hostname: Hostname): Told | undefined;
  /** What a node said last that it runs. */
  running(hostname: Hostname): Digest | null;
  /** What a node said of itself in its last report. */
  facts(hostname: Hostname): Readonly<Record<string, string>>;
  /** Answers whether the node was told something else before. */
  note(poll: Poll): boolean;
  /** As `note`, of what was told in an edition and is heard of only now: what a later one told the node stays. */
  noteLate(poll: Poll, edition: number): boolean;
  /** As `note`, for a node that is told once more what it was told before. */
  noteAgain(seat: FleetSeat, running: Digest | null, at: number): void;
  /** What is noted from now on is told in this edition, after everything that was told in those before. */
  beginEdition(edition: number): void;
  /** Calls back whenever a node was told something else than before. Call what it returns to end that. */
  onMove(listener: (hostname: Hostname) => void): () => void;
  /** Notes what a node said that happened. */
  noteReport(hostname: Hostname, report: Report, receivedAt: number): void;
  /** Notes that a node was told a digest, also of a tag that it asked for once. */
  hand(hostname: Hostname, digest: Digest, at: number): void;
  /** When this process last told a node a digest, in milliseconds since 1970. */
  handedAt(hostname: Hostname, digest: Digest): number | undefined;
  /** Writes what was noted since the last time. */
  flush(): Promise<void>;
  /** The nodes that asked at or after an instant, as far as this process knows of them; without their reports. */
  recent(since: number): NodeRow[];
  /** The nodes that were last told to hold because a program of the site failed. */
  failedBy(program: ProgramName): Iterable<FleetSeat>;
  /** How many nodes were told something last. */
  countTold(isMeant: (told: Told) => boolean): number;
  /** How often nodes were told each, since this process began. */
  answered(): Readonly<Record<Told['outcome'], number>>;
  /** Differs whenever a node was told or runs something else than before, or there is one more. */
  stirred(): number;
  /** Hosts that asked and could not be remembered, since this process began. */
  turnedAway(): number;
  /** Drops from memory the nodes that have not asked since an instant: names that hosts once had, or nobody ever. */
  forget(before: number): void;
  /** Every known node, by hostname, a page at a time: from the store, or from memory alone where the store cannot be read. */
  pages(query?: NodeQuery): AsyncGenerator<readonly NodeRow[]>;
}

export type ProgramName = 'nodetagger' | 'nodegrouper';

export interface FleetPorts {
  readonly store: Store;
  readonly journal: Journal;
  /** How many nodes are remembered at most. */
  readonly mostNodes: () => number;
  /** Called once a flush for each digest that nodes were told, with the last time. */
  readonly onHandedOut: (digest: Digest, at: number) => void;
}

/** Few enough that to hand them over, and to write them, takes milliseconds. */
const POLLS_AT_ONCE = 1_000;
/** So many changes are kept for when they can be written; of those before, what each node was told last. */
const MOST_CHANGES = 100_000;
const NO_FACTS: Readonly<Record<string, string>> = {};

export async function openFleet({ store, journal, mostNodes, onHandedOut }: FleetPorts): Promise<Fleet> {
  const seats = new Map<Hostname, FleetSeat>();
  /** The one that asked longest ago comes first. */
  const strangers = new Set<FleetSeat>();
  const handed = openHanded(mostNodes);
  const counts = countsByTold();
  const failed = { nodetagger: new Set<FleetSeat>(), nodegrouper: new Set<FleetSeat>() };
  const inCommon = factsInCommon();
  let changes: Poll[] = [];
  let asked: FleetSeat[] = [];
  let madeUp: Hostname[] = [];
  const answered = { serve: 0, hold: 0, killswitch: 0 };
  let turnedAway = 0;
  let stirred = 0;
  let present = 0;
  const listeners = new Set<(hostname: Hostname) => void>();
  /** Writes that were queued and have not ended. */
  let underWay = 0;

  const sit = (row: SeatRow, isStranger: boolean): FleetSeat => {
    const { hostname, firstSeen, lastSeen, told, running, facts, outcome } = row;
    // Each by its name: objects that begin as a copy of others have no shape in common, and are looked up slowly.
    const seat: FleetSeat = {
      hostname,
      firstSeen,
      lastSeen,
      told,
      running: running === null ? null : oneOf(running, told),
      facts: inCommon(facts),
      outcome,
      toldIn: 0,
      isStranger,
      hasAsked: false,
      polls: 0,
      kind: undefined,
      own: undefined,
      ownEpoch: undefined,
    };
    seats.set(row.hostname, seat);
    stirred++;
    recount(seat, null);
    if (isStranger) strangers.add(seat);
    return seat;
  };

  const recount = (seat: FleetSeat, before: Told | null): void => {
    const { told } = seat;
    counts.move(before, told);
    if (told?.hold === 'nodetagger-failed') failed.nodetagger.add(seat);
    else failed.nodetagger.delete(seat);
    if (told?.hold === 'nodegrouper-failed') failed.nodegrouper.add(seat);
    else failed.nodegrouper.delete(seat);
  };

  const leave = (seat: FleetSeat): void => {
    seats.delete(seat.hostname);
    strangers.delete(seat);
    handed.forget(seat.hostname);
    counts.move(seat.told, null);
    failed.nodetagger.delete(seat);
    failed.nodegrouper.delete(seat);
  };

  /** A name that was made up makes room for one that may not be. */
  const makeRoom = (): boolean => {
    if (seats.size < mostNodes()) return true;
    const [oldest] = strangers;
    if (oldest === undefined) return false;
    leave(oldest);
    madeUp.push(oldest.hostname);
    return true;
  };

  const admit = (hostname: Hostname, at: number): FleetSeat | undefined => {
    const known = seats.get(hostname);
    if (known !== undefined) return known;
    if (!makeRoom()) {
      turnedAway++;
      return undefined;
    }
    const row = { hostname, firstSeen: at, lastSeen: at, told: null, running: null, facts: NO_FACTS, outcome: null };
    return sit(row, true);
  };

  const know = (seat: FleetSeat): void => {
    if (!seat.isStranger) return;
    seat.isStranger = false;
    strangers.delete(seat);
  };

  const hear = (seat: FleetSeat): void => {
    if (seat.hasAsked) return;
    seat.hasAsked = true;
    asked.push(seat);
    if (!seat.isStranger) return;
    strangers.delete(seat);
    strangers.add(seat);
  };

  /** As long as this is being written, the next lot stays where it takes no more room, however long that lasts: in the seats. */
  const queue = (): void => {
    const polls = changes;
    for (const seat of asked) {
      const { hostname, lastSeen, running, told, polls: count } = seat;
      seat.hasAsked = false;
      seat.polls = 0;
      if (told !== null) polls.push({ hostname, at: lastSeen, running, told, count });
    }
    // Who came back meanwhile is there.
    const forgotten = madeUp.filter((hostname) => !seats.has(hostname));
    [changes, asked, madeUp] = [[], [], []];
    const written = (): void => {
      underWay--;
    };
    for (let from = 0; from < polls.length; from += POLLS_AT_ONCE) {
      const portion = polls.slice(from, from + POLLS_AT_ONCE);
      underWay++;
      journal.write((to) => to.recordPolls(portion), written);
    }
    if (forgotten.length > 0) journal.write((to) => to.forgetNodes(forgotten));
    for (const [digest, at] of lastByDigest(polls)) onHandedOut(digest, at);
  };

  const noteSeen = (
    seat: FleetSeat,
    { at, running, told, count }: { at: number; running: Digest | null; told: Told | null; count: number },
  ): void => {
    seat.lastSeen = at;
    seat.polls += count;
    if (told !== null) answered[told.outcome] += count;
    hear(seat);
    if (running === null || running === seat.running) return;
    stirred++;
    know(seat);
    seat.running = oneOf(running, told);
  };

  const note = ({ hostname, at, running, told, count = 1 }: Poll, edition: number): boolean => {
    const seat = admit(hostname, at);
    if (seat === undefined) return true;
    noteSeen(seat, { at, running, told, count });
    const isOutdated = edition < seat.toldIn;
    if (!isOutdated) seat.toldIn = edition;
    // The same answer, with other reasons for those that are told it only now.
    if (told === seat.told || (seat.told !== null && etagOf(seat.told) === etagOf(told))) return false;
    if (isOutdated) return true;
    const before = seat.told;
    seat.told = told;
    stirred++;
    recount(seat, before);
    // Between two flushes a node may be told several things: all of them are recorded, in order.
    changes.push({ hostname, at, running: seat.running, told, count: 0 });
    if (changes.length > MOST_CHANGES) changes = changes.slice(MOST_CHANGES / 2);
    for (const listener of listeners) listener(hostname);
    return true;
  };

  const flush = async (): Promise<void> => {
    if (underWay > 0) await journal.flush();
    if (underWay === 0) queue();
    await journal.flush();
  };

  const recent = (since: number): NodeRow[] => [...seats.values()].filter((seat) => seat.lastSeen >= since).map(rowOf);

  for await (const row of storedSeats(store)) sit(row, row.running === null && isEmpty(row.facts));

  return {
    seat: (hostname) => seats.get(hostname),
    admit,
    seats: () => seats.values(),
    told: (hostname) => seats.get(hostname)?.told ?? undefined,
    running: (hostname) => seats.get(hostname)?.running ?? null,
    facts: (hostname) => seats.get(hostname)?.facts ?? NO_FACTS,
    noteReport(hostname, { facts = NO_FACTS, outcome }, receivedAt) {
      const seat = admit(hostname, receivedAt);
      if (seat === undefined) return;
      know(seat);
      seat.outcome = outcome;
      seat.facts = inCommon(facts);
      // What counts of facts is in its view.
      seat.own = undefined;
      seat.ownEpoch = undefined;
    },
    hand: handed.add,
    handedAt: handed.at,
    noteAgain(seat, running, at) {
      noteSeen(seat, { at, running, told: seat.told, count: 1 });
      seat.toldIn = present;
    },
    note: (poll) => note(poll, present),
    noteLate: note,
    beginEdition(edition) {
      present = edition;
    },
    onMove(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    flush,
    recent,
    failedBy: (program) => failed[program],
    countTold: counts.count,
    answered: () => answered,
    stirred: () => stirred,
    turnedAway: () => turnedAway,
    forget(before) {
      for (const seat of seats.values()) if (seat.lastSeen < before) leave(seat);
    },
    async *pages(query = {}) {
      await flush();
      yield* storedPages(store, query, recent);
    },
  };
}

function rowOf({ hostname, firstSeen, lastSeen, told, running, polls }: FleetSeat): NodeRow {
  return { hostname, firstSeen, lastSeen, told, running, polls, lastReport: null };
}

function isEmpty(facts: Readonly<Record<string, string>>): boolean {
  return Object.keys(facts).length === 0;
}

/** The same text of the answer rather than another copy: nearly every node runs what it was told. */
function oneOf(running: Digest, told: Told | null): Digest {
  return told?.digest === running ? told.digest : running;
}

function lastByDigest(polls: readonly Poll[]): Map<Digest, number> {
  const last = new Map<Digest, number>();
  for (const { told, at } of polls) if (told.digest !== null) last.set(told.digest, at);
  return last;
}
