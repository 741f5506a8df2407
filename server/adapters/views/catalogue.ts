import type { Digest, ObjectId } from '../../../protocol/names.ts';
import type { View } from '../../ports.ts';
import type { Shelf, Verified } from './shelf.ts';

/** A view that this process knows of. */
export interface Known {
  readonly view: View;
  /** The trees that have it, the last seen last. */
  readonly trees: Set<ObjectId>;
  /** The files on disk as they were when last verified. */
  manifest?: Verified;
  archive?: Verified;
}

/** Which views there are, and which tree has which: learnt from the shelf once, then kept in memory. */
export function openCatalogue(shelf: Shelf) {
  const known = new Map<Digest, Known>();
  const byTree = new Map<ObjectId, Digest>();
  /** By the last pruning, and perhaps about to be handed out by whoever asked for it just before. */
  let dropped = new Map<Digest, Known>();
  let loading: Promise<void> | undefined;

  /** Notes that these trees have this view. Reuses what is known of it. */
  function remember(view: View, trees: Iterable<ObjectId>): Known {
    const entry = known.get(view.digest) ?? dropped.get(view.digest) ?? { view, trees: new Set() };
    known.set(view.digest, entry);
    dropped.delete(view.digest);
    for (const tree of trees) {
      entry.trees.add(tree);
      byTree.set(tree, view.digest);
    }
    return entry;
  }

  /** A view that this process or another one made and nobody dropped. */
  async function find(digest: Digest): Promise<Known | undefined> {
    await load();
    return known.get(digest) ?? look(digest);
  }

  async function look(digest: Digest): Promise<Known | undefined> {
    if (dropped.has(digest)) return undefined;
    const about = await shelf.about(digest);
    return about && remember(about.view, about.trees);
  }

  function load(): Promise<void> {
    loading ??= (async () => {
      for (const digest of await shelf.digests()) await look(digest);
    })();
    return loading;
  }

  return {
    remember,
    find,

    async ofTree(tree: ObjectId): Promise<Known | undefined> {
      await load();
      const digest = byTree.get(tree);
      return digest && known.get(digest);
    },

    /** Every view in memory or on disk. From here on, what was dropped before is forgotten for good. */
    async digests(): Promise<Set<Digest>> {
      await load();
      dropped = new Map();
      return new Set([...known.keys(), ...(await shelf.digests())]);
    },

    /** A view stays, and of its trees those that are still wanted. */
    narrow({ trees }: Known, kept: ReadonlySet<ObjectId>): void {
      for (const tree of trees) {
        if (kept.has(tree)) continue;
        trees.delete(tree);
        byTree.delete(tree);
      }
    },

    drop(digest: Digest): void {
      const entry = known.get(digest);
      known.delete(digest);
      if (!entry) return;
      dropped.set(digest, entry);
      for (const tree of entry.trees) byTree.delete(tree);
    },

    /** Takes a view back that was dropped between being asked for and being handed out. */
    revive(digest: Digest): void {
      const entry = dropped.get(digest);
      if (entry) remember(entry.view, entry.trees);
    },
  };
}

export type Catalogue = ReturnType<typeof openCatalogue>;
