import type { Report } from '../../protocol/assignment.ts';
import type { HoldCode } from '../../protocol/errors.ts';
import type { Digest, Hostname, TagName } from '../../protocol/names.ts';
import type { ChainLook, Link } from '../core/chain.ts';
import type { EventKind, NewEvent, StoredEvent } from '../core/event.ts';
import type { TagRecord } from '../core/tag.ts';
import type { Whereabouts } from '../core/whereabouts.ts';

/** What nodes are told that are answered the same: one object for all of them. */
export interface Told {
  /** When the answer began: when its entity tag last changed. */
  readonly at: number;
  readonly environment: string;
  readonly wave: string;
  readonly groups: readonly string[];
  readonly outcome: 'serve' | 'hold' | 'killswitch';
  readonly tag: TagName | 'trunk' | null;
  readonly digest: Digest | null;
  readonly hold: HoldCode | null;
  readonly message: string | null;
  readonly reasons: readonly string[];
}

export interface Poll {
  readonly hostname: Hostname;
  readonly at: number;
  /** From `Tagwave-Running`. */
  readonly running: Digest | null;
  readonly told: Told;
  /** How many polls it stands for; 1 where nothing is said. */
  readonly count?: number;
}

/** What has to be at hand of a node in order to answer it. */
export interface SeatRow {
  readonly hostname: Hostname;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly told: Told | null;
  readonly running: Digest | null;
  /** From its last report. */
  readonly facts: Readonly<Record<string, string>>;
  readonly outcome: Report['outcome'] | null;
}

export interface NodeRow {
  readonly hostname: Hostname;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly told: Told | null;
  readonly running: Digest | null;
  /** How often it has asked. */
  readonly polls: number;
  readonly lastReport: (Report & { readonly receivedAt: number }) | null;
}

/** Which nodes are wanted: what all that is given applies to. */
export interface NodeFilter {
  /** As they were told last. */
  readonly environment?: string | undefined;
  readonly wave?: string | undefined;
  /** A part of the host name, lower-case; with `*`, which stands for any characters, all of it. */
  readonly name?: string | undefined;
  /** Last seen before an instant. */
  readonly seenBefore?: number | undefined;
  /** Of their last report; null stands for none. */
  readonly outcomes?: readonly (Report['outcome'] | null)[] | undefined;
  /** Their last report says that something was not as it should be. */
  readonly drifted?: true | undefined;
  /** They were told content, and the last poll that said what they run said something else, or none has. */
  readonly unlikeTold?: true | undefined;
}

/** What is known of a node as of an instant in the past. */
export interface PastNode {
  readonly hostname: Hostname;
  readonly firstSeen: number;
  readonly told: Told | null;
  /** When it was told that: the poll's instant. */
  readonly toldAt: number | null;
  /** The content that it was told, where its polls had said that it runs that; null of all others. */
  readonly running: Digest | null;
  /** The last one that had come by then, of those that are kept. */
  readonly lastReport: NodeRow['lastReport'];
}

/** How many nodes have been told something last. All null: nothing. */
export interface ToldCount {
  readonly environment: string | null;
  readonly wave: string | null;
  readonly outcome: Told['outcome'] | null;
  readonly tag: Told['tag'];
  readonly hold: Told['hold'];
  readonly nodes: number;
}

/** Nodes, all of them counted and some of them named, by hostname. */
export interface CountedNodes {
  readonly count: number;
  readonly first: readonly Hostname[];
}

/** How the nodes of one wave fared that had been told a tag and reported that it failed, each by its last word. */
export interface TagFailures {
  /** As the wave was called then. */
  readonly wave: string;
  readonly failed: number;
  readonly rolledBack: number;
  /** The first few. */
  readonly first: readonly Hostname[];
}

/** The nodes of one wave whose polls have said that they run what they were told with a tag. */
export interface TagRuns {
  /** As the wave was called then. */
  readonly wave: string;
  readonly nodes: number;
  /** How long they have run that content, all together. */
  readonly milliseconds: number;
}

export interface EventQuery {
  readonly afterId?: number;
  readonly since?: number;
  readonly until?: number;
  readonly kinds?: readonly EventKind[];
  readonly subject?: string;
  readonly limit: number;
  /** `newest` first is the default. */
  readonly order?: 'oldest' | 'newest';
}

/** What is worth looking at again. */
export interface News {
  /** The last event, and the last node that was found to run what it was told; 0 where there is none. */
  readonly event: number;
  readonly run: number;
  readonly kinds: readonly EventKind[];
  readonly hasNewRuns: boolean;
}

/** SQLite now, PostgreSQL later. Every call may reject (disk full, read-only): callers go on without it. */
export interface Store {
  /** One transaction. A poll whose `told` differs from the node's last adds an `assignment` event. */
  recordPolls(polls: readonly Poll[]): Promise<void>;
  /**
   * The same `runId` twice counts once. `countsIn`: the wave in which what the node says of the report's tag counts: a failure
   * from then on, until the same node says that it applied that tag.
   */
  recordReport(
    hostname: Hostname,
    report: Report,
    received: { readonly at: number; readonly countsIn?: string | null },
  ): Promise<'new' | 'known'>;
  /** By wave; of those that were reported at or after `since`. */
  tagFailures(tag: TagName, since?: number): Promise<TagFailures[]>;
  /** By wave. Who moved on to other content counts for as long as it ran this. */
  tagRuns(tag: TagName, at: number): Promise<TagRuns[]>;
  /** By hostname; with `after` those after one, with `limit` so many of them. */
  nodes(query?: { seenSince?: number; after?: Hostname; limit?: number; filter?: NodeFilter }): Promise<NodeRow[]>;
  /** Nodes that had asked or reported by an instant, by hostname; `name` as in `NodeFilter`. Of nodes that were dropped since, nothing is known. */
  nodesAt(query: { at: number; after: Hostname | null; limit: number; name?: string | undefined }): Promise<PastNode[]>;
  node(hostname: Hostname): Promise<NodeRow | undefined>;
  /** Of nodes seen at or after an instant. Takes no longer for a larger fleet. */
  toldCounts(seenSince: number): Promise<ToldCount[]>;
  /**
   * How many nodes of which wave, seen at or after an instant, were told and run what. Silent are those not seen at or after
   * `silentBefore`. Takes as long as there are nodes: not to be asked all the time.
   */
  whereabouts(query: { seenSince: number; silentBefore: number }): Promise<Whereabouts[]>;
  /** As of an instant, of the nodes that are known and had been seen by then. What they ran and reported as far as that is kept. */
  whereaboutsAt(query: { at: number; seenSince: number }): Promise<Whereabouts[]>;
  /** The newest tag that somebody was told with each content, else trunk; what nobody was told is left out. */
  tagsOf(digests: readonly Digest[]): Promise<{ readonly digest: Digest; readonly tag: TagName | 'trunk' }[]>;
  /** When, at or after an instant, the last node heard of a killswitch that is told of it now; `environment` null = any. */
  lastStopped(query: { environment: string | null; since: number }): Promise<number | null>;
  /** The earliest instant of which the past can be answered; null where nothing is recorded. */
  recordedSince(): Promise<number | null>;
  /** Nodes last seen at or after `seenSince` and before `before`; `limit` of them are named. */
  silentNodes(query: { seenSince: number; before: number; limit: number }): Promise<CountedNodes>;
  /**
   * Nodes seen at or after `seenSince` that were not told of a killswitch, or have not asked at or after `since`: of an
   * environment, as they were told it; null = all, also those that were told nothing.
   */
  unstoppedNodes(query: {
    seenSince: number;
    environment: string | null;
    since: number;
    limit: number;
  }): Promise<CountedNodes>;
  /** By hostname, at most `limit` of those after one. Nodes that were told the same share the object. */
  seats(after: Hostname | null, limit: number): Promise<SeatRow[]>;
  /** Drops nodes that are none: names that somebody made up. What they were told stays recorded as an event. */
  forgetNodes(hostnames: readonly Hostname[]): Promise<void>;
  reports(hostname: Hostname, limit: number): Promise<(Report & { readonly receivedAt: number })[]>;
  /** What a node had been told as of an instant, from the assignment events. */
  toldAt(hostname: Hostname, at: number): Promise<Told | undefined>;
  /** What a node was told, newest first; `at` is when it asked. */
  toldHistory(hostname: Hostname, limit: number): Promise<Told[]>;
  /** Appends; answers the stored events. */
  addEvents(events: readonly NewEvent[]): Promise<StoredEvent[]>;
  events(query: EventQuery): Promise<StoredEvent[]>;
  /** What came after an earlier answer. */
  newsSince(last: Pick<News, 'event' | 'run'>): Promise<News>;
  /** The last event of the chain; null where there is none. */
  chainHead(): Promise<Link | null>;
  /** Goes through all events. `expected`: a hash that was once the chain's end. */
  lookAtChain(expected: string | undefined): Promise<ChainLook>;
  /**
   * Records that a control file (or `killswitch`, `marks-in-effect`, …) now has this text; null = absent. Where the last
   * recorded text is the same: nothing, answers false; an event more where somebody says that the change was theirs that was
   * only found.
   */
  recordControl(change: {
    file: string;
    at: number;
    by: string;
    from: string | null;
    why: string | null;
    text: string | null;
    /** What the file held when whoever says that the change is theirs edited it, and whose file it is. */
    before?: { text: string | null; by: string };
    /** Keep the version without an event. */
    quiet?: boolean;
  }): Promise<boolean>;
  /** The text of a control file as of an instant: undefined where nothing was recorded yet, null = absent. */
  controlAt(file: string, at: number): Promise<string | null | undefined>;
  /** Copies tag records for queries in the past: a tag existed from `created` until `prunedAt`. */
  copyTags(records: readonly TagRecord[]): Promise<void>;
  markPruned(tags: readonly TagName[], at: number): Promise<void>;
  tagsAt(at: number): Promise<TagRecord[]>;
  /** Drops, at an instant, reports and events older than these instants, nodes not seen since, and the runs of tags of earlier hours. */
  prune(before: { at: number; reports: number; events: number; nodes: number; runs: number }): Promise<void>;
  /** Throws unless the store can be written. */
  checkWritable(): Promise<void>;
  /** Why nothing can be recorded or read now, or what was lost, as a sentence with what to do; null when all is well. */
  trouble(): string | null;
  close(): Promise<void>;
}
