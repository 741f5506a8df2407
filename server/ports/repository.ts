import type { Readable } from 'node:stream';
import type { ObjectId, RelativePath, TagName } from '../../protocol/names.ts';
import type { TagRecord } from '../core/tag.ts';
import type { Attempt } from './common.ts';

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

export const DIFFERENCES = ['added', 'modified', 'deleted', 'renamed', 'type'] as const;
/** `type`: what was a file is a link now, or the like. */
export type Difference = (typeof DIFFERENCES)[number];

/** One path in which two trees differ. Bytes that are not UTF-8 are decoded as latin1. */
export interface DifferingFile {
  readonly path: string;
  /** Where it was before, of one that was renamed. */
  readonly oldPath: string | null;
  readonly status: Difference;
  /** Lines; null of a binary file, and where they are not counted. */
  readonly insertions: number | null;
  readonly deletions: number | null;
}

/** In what two trees differ. */
export interface TreeComparison {
  /** How many files differ, by how they do. Where there are too many to look for renames, nothing counts as renamed. */
  readonly counts: Readonly<Record<Difference, number>>;
  /** Of all text files; null where they are too many, or too large, to be counted. */
  readonly lines: { readonly insertions: number; readonly deletions: number } | null;
  /** In the order of their bytes, the first thousand. */
  readonly files: readonly DifferingFile[];
}

/** A unified diff, as git makes it. */
export interface Patch {
  /** Null where the path is the same in both, or in neither. What is no UTF-8 in it is replaced. */
  readonly text: string | null;
  /** It is longer than was allowed, and ends with the last whole line. */
  readonly isCut: boolean;
}

export interface PatchQuestion {
  readonly from: ObjectId;
  readonly to: ObjectId;
  /** As `compare` names it; null = all that differ. */
  readonly path: string | null;
  readonly limitBytes: number;
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
  /** In what two commits or trees differ. What they hold never changes: asked for once, and remembered for a while. */
  compare(from: ObjectId, to: ObjectId): Promise<TreeComparison>;
  /** How one file differs, or all do. */
  patch(question: PatchQuestion): Promise<Patch>;
}
