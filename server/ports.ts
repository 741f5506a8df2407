import type { Readable } from 'node:stream';
import type { Report } from '../protocol/assignment.ts';
import type { HoldCode } from '../protocol/errors.ts';
import type { ManifestEntry } from '../protocol/manifest.ts';
import type { Digest, Hostname, ObjectId, RelativePath, TagName } from '../protocol/names.ts';
import type { ClientRelease } from '../protocol/release.ts';
import type { ChainLook, Link } from './core/chain.ts';
import type { Credential, NodeCredential } from './core/credential.ts';
import type { Decided, KeptCredentials } from './core/credential-change.ts';
import type { EventKind, NewEvent, StoredEvent } from './core/event.ts';
import type { KillswitchLook } from './core/killswitch.ts';
import type { ModuleContext } from './core/module-context.ts';
import type { NodeInputs } from './core/node-inputs.ts';
import type { Problem } from './core/problem.ts';
import type { Sighting } from './core/settle.ts';
import type { TagRecord } from './core/tag.ts';
import type { TokenId } from './core/token.ts';
import type { OidcSettings } from './settings/settings.ts';

/** What time it is. The only source of time; tests bring one that can be moved. */
export interface Clock {
  /** Milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds since some start; never jumps. */
  monotonic(): number;
  /** Milliseconds since 1970 on the clock that stamps files. */
  fileTime(): number;
}

/** A value, or a reason in words an operator can act on. */
export type Attempt<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly sentence: string; readonly hint: string };

/** Structured, one JSON object a line. Fields never carry secrets; control characters are escaped by the format. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** With what TLS is spoken now. All in PEM. */
export interface TlsMaterial {
  /** The server's certificate, and those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
  /** Null: no client is known by a certificate. */
  readonly clients: ClientTrust | null;
}

/** Which certificates of clients count. The same object as long as nobody else is let in by it. */
export interface ClientTrust {
  readonly ca: readonly string[];
  /** Null: none is revoked. */
  readonly crl: readonly string[] | null;
  /** From then on it is not known which are revoked. Milliseconds since 1970. */
  readonly until: number;
}

/** The files of certificates and keys. */
export interface TlsFiles {
  /** Takes what has changed and can be used. To be called every second or so. */
  look(): void;
  /** What was usable last, or why nothing ever was. */
  material(): Attempt<TlsMaterial>;
  problems(): Problem[];
}

// ── the base directory and the state directory ────────────────────────────────────────────────────────────────────────

export const CONTROL_FILES = ['server.yml', 'schedule.yml', 'nodes.yml', 'nodegroups.yml', 'pins', 'tagstate'] as const;
export type ControlFileName = (typeof CONTROL_FILES)[number];

/** Looks at the files of the base directory. An unchanged file costs one stat call, and answers the same object as before. */
export interface ControlFiles {
  sighting(file: ControlFileName, settleSeconds: number): Sighting;
  killswitch(): KillswitchLook;
  /** Changes when `killswitch` or `killswitch.d` does: two stat calls. */
  killswitchTrace(): string;
  /** The name of a file's owner, for the record of who changed it. */
  ownerOf(file: string): string;
}

/** Replaces the content of a control file: under a lock, re-read just before, by temporary name and rename. */
export interface ControlFileEditor {
  /**
   * Hands the present text (null = absent) to `change`, which answers the new one, or undefined to leave it as it is. Waits `waitMs` for another editor; with `insist` goes on without the lock after that.
   */
  edit(
    file: string,
    change: (text: string | null) => string | undefined,
    options: { readonly waitMs: number; readonly insist: boolean },
  ): Promise<Attempt<{ readonly before: string | null; readonly after: string | null; readonly warning?: string }>>;
  /** Creates `killswitch` or `killswitch.d/<environment>` with its message, reading nothing else first. `warning`: why the message could not be written. */
  raise(
    environment: string | null,
    message: string,
  ): Promise<Attempt<{ readonly path: string; readonly warning?: string }>>;
  /** The file as it is now; null where there is none. `version` changes with the file and its content. */
  raised(environment: string | null): { readonly message: string; readonly version: string } | null;
  /** Removes the file, unless it is no longer the version that was shown. A link is removed, not what it points to. */
  release(environment: string | null, shown: string): Promise<Attempt<{ readonly path: string }>>;
}

/** Plain files of the state directory, written atomically and synced. Names may have one folder. */
export interface StateFiles {
  read(name: string): string | undefined;
  write(name: string, text: string): void;
  append(name: string, text: string): void;
}

/** The site's own programs. Answers are cached for 60 s until `forget`. */
export interface Programs {
  /** Which program decides, as the settings and the base directory stand now. */
  nodetagger(): ProgramState;
  nodegrouper(): ProgramState;
  /** `contextOf` is called for a module only. `afresh`: about another world than the present one, so nothing is cached. */
  askNodetagger(
    hostname: Hostname,
    contextOf: () => ModuleContext,
    options?: { readonly afresh?: boolean },
  ): Promise<{ readonly text: string } | { readonly failed: string }>;
  askNodegrouper(hostname: Hostname): Promise<{ readonly groups: readonly string[] } | { readonly failed: string }>;
  forget(): void;
}

export type ProgramState =
  | { readonly kind: 'none' }
  /** `stamp` changes with the file. */
  | { readonly kind: 'ready'; readonly path: string; readonly stamp: string }
  /** Configured or once in use, and cannot be run. */
  | { readonly kind: 'unusable'; readonly why: string };

// ── the repository: a private bare git repository that holds what was fetched and the tags ────────────────────────────

export interface Commit {
  readonly id: ObjectId;
  readonly tree: ObjectId;
  /** `Name <address>`. */
  readonly author: string;
  readonly subject: string;
  /** Committer date, milliseconds since 1970. */
  readonly committedAt: number;
}

/** A tip as seen at the source. */
export interface FetchedTip {
  readonly commit: ObjectId;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface Fetched {
  readonly tip: Commit;
  /** The tip before, if there was one. */
  readonly previous: ObjectId | undefined;
  /** The previous tip is not an ancestor of this one. */
  readonly rewritten: boolean;
}

/** An entry of a git tree: a blob under a path. `path` is raw bytes decoded as latin1 where it is not UTF-8. */
export interface TreeEntry {
  readonly path: RelativePath;
  readonly mode: '100644' | '100755' | '120000';
  readonly blob: ObjectId;
}

export interface Repository {
  /** Creates the bare repository where there is none; removes what a killed process left behind. Idempotent. */
  prepare(): Promise<void>;
  /**
   * Takes the source's tip into the repository and logs it with the instant at which it had come: `landed`, where the fetch
   * may have waited, else `at`. A failure changes nothing that was there.
   */
  fetch(at: number, landed?: () => number): Promise<Attempt<Fetched>>;
  /** The last tip fetched, whoever signed it. */
  tip(): Promise<FetchedTip | undefined>;
  /** The last tip fetched that may be released: where commits have to be signed, that is signed by somebody who may. */
  trunk(): Promise<(FetchedTip & { readonly tree: ObjectId }) | undefined>;
  /** The last tip fetched at or before an instant. */
  tipAt(at: number): Promise<FetchedTip | undefined>;
  /** Resolves a commit id or an unambiguous beginning of one that is in the repository. */
  commit(id: string): Promise<Commit | undefined>;
  /**
   * Who signed a commit (null where nobody asks), or why no tag may be made of it. What was found out stands until somebody
   * asks `afresh`: then the file of those who may sign is read again.
   */
  verify(commit: ObjectId, options?: { readonly afresh?: boolean }): Promise<Attempt<string | null>>;
  /** First-parent history of the tip, newest first, back to and including the newest commit at or before `since`. */
  history(since: number): Promise<Commit[]>;
  /** Commits reachable from `newer` and not from `older`; null where `older` is not an ancestor. */
  commitsBetween(older: ObjectId, newer: ObjectId): Promise<number | null>;
  /** Why no view of this tree can be built (DESIGN 6), or null. `sound` is a tree known to be fine: only what differs is looked at. */
  flawOf(tree: ObjectId, sound?: ObjectId): Promise<string | null>;
  /** Changes whenever a tag ref does, also by another process. A few stat calls. */
  signature(): string;
  /** All tags, oldest first. A ref whose object cannot be read is named apart. */
  tags(): Promise<{ readonly records: TagRecord[]; readonly unreadable: { tag: string; why: string }[] }>;
  /** Create-only and atomic: of two callers exactly one gets `created`. */
  createTag(record: TagRecord): Promise<'created' | 'exists'>;
  /** Removes the refs of tags; their objects stay reachable until `collectGarbage` is told otherwise. */
  retireTags(tags: readonly TagName[], at: number): Promise<void>;
  /** Drops the objects of tags retired before an instant, and everything else unreferenced. */
  collectGarbage(retiredBefore: number): Promise<void>;
  /** A file's content at a commit or tree; undefined where there is none. Throws over `limit` bytes. */
  file(treeish: ObjectId, path: string, limit: number): Promise<Buffer | undefined>;
  /** The blobs of a tree in UTF-8 byte order of path, less `deploy.yml` and `tagstate` at the root. */
  entries(tree: ObjectId): Promise<TreeEntry[]>;
  /** Raw contents, in the order asked, each to be consumed before the next. */
  blobs(
    ids: Iterable<ObjectId>,
  ): AsyncIterable<{ readonly blob: ObjectId; readonly size: number; readonly content: Readable }>;
}

// ── content: views of trees, named by digest ──────────────────────────────────────────────────────────────────────────

export interface View {
  readonly digest: Digest;
  readonly files: number;
  readonly bytes: number;
}

export interface StoredFile {
  readonly path: string;
  readonly size: number;
  /** 64 lower-case hex digits, of the file's bytes. */
  readonly sha256: string;
}

/** A tree holds something that no view can: the tag is broken, and trying again does not help. The message says what. */
export class UnfitContent extends Error {
  override readonly name = 'UnfitContent';
}

/** A view as somebody looks at it before a host gets it. */
export interface PreviewedView {
  /** In the manifest's order. `from`: the path in the repository; null for what is made from `deploy.yml`. */
  readonly entries: readonly (ManifestEntry & { readonly from: string | null })[];
  /** As the node would get it; of a link, its target. Undefined where there is no such path. */
  content(path: string): Promise<Buffer | undefined>;
}

export interface Views {
  /** The view of a whole tree; builds its manifest where it isn't known. Single-flight. Rejects with `UnfitContent`, or where git or the disk fails. */
  ofTree(tree: ObjectId): Promise<View>;
  /**
   * What a node gets of a tree: by its `deploy.yml`, or the whole where it has none. A node whose view is known costs a
   * lookup. Rejects as `ofTree` does; with `UnfitContent` also where a template fails for this node.
   */
  ofNode(tree: ObjectId, node: NodeInputs): Promise<View>;
  /**
   * Whether every one of these nodes can have its view of a tree that has a `deploy.yml` (`isLayered`); `flaw`: what is wrong,
   * naming file, line, variable and node. `everyFile`: also in templates and vars that none of them has. Of another tree
   * nothing is looked at.
   */
  check(
    tree: ObjectId,
    nodes: Iterable<NodeInputs>,
    options?: { readonly everyFile?: boolean },
  ): Promise<{ readonly isLayered: boolean; readonly flaw: string | null }>;
  /** Whether a tree has one view for all nodes: the whole of it. What one node gets of any other tree says nothing about another. */
  isOneForAll(tree: ObjectId): Promise<boolean>;
  /** Whether a known view is that of a whole tree, which is no secret from any node. */
  isCommon(digest: Digest): Promise<boolean>;
  /** A node's view of a tree to be looked at. Stores nothing. Rejects with `UnfitContent`. */
  preview(tree: ObjectId, node: NodeInputs): Promise<PreviewedView>;
  /** Known views only: undefined for a digest that was never handed out, or was dropped. */
  manifest(digest: Digest): Promise<StoredFile | undefined>;
  /** The manifest as gzip. */
  packedManifest(digest: Digest): Promise<StoredFile | undefined>;
  /** Builds the archive where it isn't cached. Single-flight. */
  archive(digest: Digest): Promise<StoredFile | undefined>;
  /**
   * An archive of what leads from one view to another. Single-flight. Undefined where only the whole is to be had: a view is
   * unknown, or a delta is not worth keeping.
   */
  delta(from: Digest, to: Digest): Promise<StoredFile | undefined>;
  /**
   * Makes, one after the other, what these nodes will ask for of a tree, and what leads there from their views of `before`.
   * Of views for nodes as many as do not crowd out others: what does not fit is made when it is asked for.
   */
  prepare(tree: ObjectId, nodes: Iterable<NodeInputs>, before: ObjectId | undefined): Promise<void>;
  /** Gives up what is being made. */
  close(): Promise<void>;
  /** Notes that a digest was handed out at an instant: it stays for 24 hours from then. */
  handedOut(digest: Digest, at: number): void;
  /**
   * Drops views that no tree in `keep` has and that were last handed out before `before`; of the others that were not handed
   * out since, what can be made again. Answers what was dropped.
   */
  prune(keep: readonly ObjectId[], before: number): Promise<Digest[]>;
}

// ── the store: what may be lost ───────────────────────────────────────────────────────────────────────────────────────

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

// ── credentials: who is believed to be who. Not to be lost, and in a file of their own ───────────────────────────────

/** For those who only have to know who asks. */
export interface KnownCredentials {
  /**
   * What is known of a secret by its id, from memory; what another process changed counts within 25 ms. Expired ones are still
   * known. Undefined also where nothing can be known, which `trouble` says.
   */
  find(id: TokenId): Credential | undefined;
  /** Those of one node. */
  ofNode(hostname: Hostname): readonly NodeCredential[];
  /** Notes that it was used, for lists: written in batches, and may be lost. */
  noteUse(id: TokenId, use: { readonly at: number; readonly from: string | null }): void;
  /** Why nobody can be let in now, as a sentence with what to do; null when all is well. */
  trouble(): string | null;
  close(): Promise<void>;
}

/** With when it was last shown, as far as that was written. */
export type ListedCredential = Credential & {
  readonly lastUse: { readonly at: number; readonly from: string | null } | null;
};

export interface CredentialPage {
  readonly kinds: readonly Credential['kind'][];
  readonly state?: NodeCredential['state'];
  /** Those after this one, by id. */
  readonly after?: TokenId | undefined;
  readonly limit: number;
}

/** For those who change who is believed. SQLite now, PostgreSQL later. */
export interface Credentials extends KnownCredentials {
  /**
   * Hands `decide` what is kept, carries out what it decided, and answers its result once that is on disk. Nothing else is
   * changed in between, by whatever process. Many that are asked for at once share one write, in the order of asking.
   */
  change<Result>(decide: (kept: KeptCredentials) => Decided<Result>): Promise<Attempt<Result>>;
  /** By id. Nothing where nothing can be known, which `trouble` says. */
  list(page: CredentialPage): readonly ListedCredential[];
  /** Names that some token has spoken for and none does any more, and that are not free: by name. */
  namesWithoutToken(page: { readonly after?: Hostname | undefined; readonly limit: number }): readonly Hostname[];
}

// ── people: who knows them ────────────────────────────────────────────────────────────────────────────────────────────

/** What one attempt to log in is known by, and where the browser comes back to. */
export interface LoginSecrets {
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  readonly redirectUri: string;
}

/** `away`: the provider does not answer. `setup`: for whoever looks after the server. `refused`: for whoever logs in. */
export interface NotLoggedIn {
  readonly ok: false;
  readonly why: 'away' | 'setup' | 'refused';
  readonly sentence: string;
  readonly hint: string;
}

/** An OpenID Connect provider. */
export interface IdentityProvider {
  /** The URL to which a browser is sent. */
  urlFor(
    settings: OidcSettings,
    secrets: LoginSecrets,
  ): Promise<{ readonly ok: true; readonly value: string } | NotLoggedIn>;
  /** What is said of whoever came back with this query; all of it was checked: by whom it is, for whom, when, for what. */
  claimsOf(
    settings: OidcSettings,
    query: string,
    secrets: LoginSecrets,
  ): Promise<{ readonly ok: true; readonly value: Readonly<Record<string, unknown>> } | NotLoggedIn>;
}

/** The client that this server gives to hosts. */
export interface ClientBuild {
  /** Undefined where there is none, as when the server runs from its sources. */
  find(): Promise<ClientFiles | undefined>;
}

export interface ClientFiles {
  readonly release: ClientRelease;
  /** The client, one file. */
  readonly content: Buffer;
  /** The script that installs it; its line `server=…` is to name the server. */
  readonly installer: string;
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
  /** By wave. */
  tagFailures(tag: TagName): Promise<TagFailures[]>;
  /** By wave. Who moved on to other content counts for as long as it ran this. */
  tagRuns(tag: TagName, at: number): Promise<TagRuns[]>;
  /** By hostname; with `after` those after one, with `limit` so many of them. */
  nodes(query?: { seenSince?: number; after?: Hostname; limit?: number }): Promise<NodeRow[]>;
  node(hostname: Hostname): Promise<NodeRow | undefined>;
  /** Of nodes seen at or after an instant. Takes no longer for a larger fleet. */
  toldCounts(seenSince: number): Promise<ToldCount[]>;
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
  /** Appends; answers the stored events. */
  addEvents(events: readonly NewEvent[]): Promise<StoredEvent[]>;
  events(query: EventQuery): Promise<StoredEvent[]>;
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
