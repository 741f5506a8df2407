import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest, ObjectId } from '../../protocol/names.ts';
import type { ClientRelease } from '../../protocol/release.ts';
import type { NodeInputs } from '../core/node-inputs.ts';

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

/** The page that this server shows to people. */
export interface PageBuild {
  /** Undefined where there is none, as when the server runs from its sources. */
  find(): Promise<PageFiles | undefined>;
}

export interface PageFiles {
  readonly index: PageFile;
  /** By name, which has a hash of the content in it. */
  readonly assets: ReadonlyMap<string, PageFile>;
}

export interface PageFile {
  /** Media type. */
  readonly type: string;
  readonly sha256: string;
  readonly content: Buffer;
  /** The same, compressed. */
  readonly br: Buffer;
  readonly gzip: Buffer;
}
