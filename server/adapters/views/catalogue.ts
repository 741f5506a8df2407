import pLimit from 'p-limit';
import type { Digest, ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import type { View } from '../../ports/content.ts';
import { recentOnes } from './recent.ts';
import type { About, KeptRecipe, MadeFile, Shelf, Verified } from './shelf.ts';

/** A view that this process knows of. */
export interface Known {
  readonly view: View;
  /** The trees whose whole content it is, the last seen last. */
  readonly trees: Set<ObjectId>;
  /** How it was made for nodes, by key. */
  readonly recipes: Map<string, KeptRecipe>;
  /** The trees that the record on the disk names. */
  recorded: ReadonlySet<ObjectId>;
  /** The files on disk as they were when last verified. */
  manifest?: Verified;
  readonly made: Map<MadeFile, Verified>;
}

/** What a view can be made of: a whole tree, or what a tree has for a node. */
export interface Origin {
  readonly tree: ObjectId;
  readonly node?: NodeInputs;
}

/** Of one recipe: as many as there are waves, so that tags in use count. */
const MOST_TREES = 6;
/** Of one view: any of them makes it. */
const MOST_RECIPES = 6;
const MOST_KEYS = 100_000;
/** One after the other, those of a large fleet would keep everybody waiting who asks first. */
const LEARNT_AT_ONCE = 64;

/** Which views there are, and what has which: learnt from the shelf once, then kept in memory. */
export function openCatalogue(shelf: Shelf) {
  const known = new Map<Digest, Known>();
  const byTree = new Map<ObjectId, Digest>();
  const byKey = recentOnes<Digest>(MOST_KEYS);
  /** By the last pruning, and perhaps about to be handed out by whoever asked for it just before. */
  let dropped = new Map<Digest, Known>();
  let loading: Promise<void> | undefined;

  function entryFor(view: View): Known {
    const entry: Known = known.get(view.digest) ??
      dropped.get(view.digest) ?? { view, trees: new Set(), recipes: new Map(), recorded: new Set(), made: new Map() };
    known.set(view.digest, entry);
    dropped.delete(view.digest);
    return entry;
  }

  /** Notes that these trees have this view. Reuses what is known of it. */
  function remember(view: View, trees: Iterable<ObjectId>): Known {
    const entry = entryFor(view);
    for (const tree of trees) {
      entry.trees.add(tree);
      byTree.set(tree, view.digest);
    }
    return entry;
  }

  /** Notes that nodes with this key have this view, of these trees. */
  function rememberRecipe(view: View, { key, trees, node }: KeptRecipe): Known {
    const entry = entryFor(view);
    const before = entry.recipes.get(key)?.trees.filter((tree) => !trees.includes(tree)) ?? [];
    entry.recipes.delete(key);
    entry.recipes.set(key, { key, node, trees: [...before, ...trees].slice(-MOST_TREES) });
    for (const oldest of entry.recipes.keys()) {
      if (entry.recipes.size <= MOST_RECIPES) break;
      entry.recipes.delete(oldest);
    }
    byKey.set(key, view.digest);
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
    if (about === undefined) return undefined;
    const entry = remember(about.view, about.trees);
    for (const recipe of about.recipes) rememberRecipe(about.view, recipe);
    entry.recorded = treesIn(about);
    return entry;
  }

  function load(): Promise<void> {
    loading ??= (async () => {
      const some = pLimit(LEARNT_AT_ONCE);
      await Promise.all((await shelf.digests()).map((digest) => some(() => look(digest))));
    })();
    return loading;
  }

  return {
    remember,
    rememberRecipe,
    find,

    async ofTree(tree: ObjectId): Promise<Known | undefined> {
      await load();
      const digest = byTree.get(tree);
      return digest && known.get(digest);
    },

    async ofKey(key: string): Promise<Known | undefined> {
      await load();
      const digest = byKey.get(key);
      return digest && known.get(digest);
    },

    /** Without looking at the disk. */
    present: (digest: Digest): Known | undefined => known.get(digest),

    /** Every view in memory or on disk. From here on, what was dropped before is forgotten for good. */
    async digests(): Promise<Set<Digest>> {
      await load();
      dropped = new Map();
      return new Set([...known.keys(), ...(await shelf.digests())]);
    },

    /** A view stays, and of its trees those that are still wanted. */
    narrow({ trees, recipes }: Known, kept: ReadonlySet<ObjectId>): void {
      for (const tree of trees) {
        if (kept.has(tree)) continue;
        trees.delete(tree);
        byTree.delete(tree);
      }
      for (const [key, recipe] of [...recipes]) {
        const left = recipe.trees.filter((tree) => kept.has(tree));
        if (left.length === 0) recipes.delete(key);
        else recipes.set(key, { ...recipe, trees: left });
      }
    },

    drop(digest: Digest): void {
      const entry = known.get(digest);
      known.delete(digest);
      if (!entry) return;
      dropped.set(digest, entry);
      for (const tree of entry.trees) byTree.delete(tree);
    },

    /** The views that only single nodes have. */
    async ofNodes(): Promise<Digest[]> {
      await load();
      return [...known.values()].flatMap(({ view, trees }) => (trees.size === 0 ? [view.digest] : []));
    },

    /** Forgets a view for good. */
    forget(digest: Digest): void {
      known.delete(digest);
      dropped.delete(digest);
    },

    /** Takes a view back that was dropped between being asked for and being handed out. */
    revive(digest: Digest): void {
      const entry = dropped.get(digest);
      if (entry) remember(entry.view, entry.trees);
    },
  };
}

export type Catalogue = ReturnType<typeof openCatalogue>;

/** Everything that a view can be made of, the last seen first. */
export function originsOf({ trees, recipes }: Pick<Known, 'trees' | 'recipes'>): Origin[] {
  const forNodes = [...recipes.values()].flatMap(({ trees: all, node }) => all.map((tree): Origin => ({ tree, node })));
  return [...forNodes, ...[...trees].map((tree): Origin => ({ tree }))].reverse();
}

export function aboutOf({ view, trees, recipes }: Known): About {
  return { view, trees: [...trees], recipes: [...recipes.values()] };
}

export function treesIn({ trees, recipes }: Pick<About, 'trees' | 'recipes'>): ReadonlySet<ObjectId> {
  return new Set([...trees, ...recipes.flatMap((recipe) => recipe.trees)]);
}
