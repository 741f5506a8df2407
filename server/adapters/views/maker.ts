import { join } from 'node:path';
import pLimit from 'p-limit';
import type { ObjectId } from '../../../protocol/names.ts';
import { writeArchive, writePacked } from './archive.ts';
import { type Built, buildView, sumsOf } from './build.ts';
import { aboutOf, type Catalogue, type Known, type Origin, originsOf, treesIn } from './catalogue.ts';
import { entriesOfTree, type Objects, type ViewEntry } from './contents.ts';
import { singleFlight } from './flight.ts';
import type { HandedOut } from './handed-out.ts';
import type { Nodes, Sight } from './nodes.ts';
import type { Room } from './room.ts';
import type { MadeFile, Shelf, Verified } from './shelf.ts';
import { openSums } from './sums.ts';
import { explained } from './trouble.ts';

interface Parts {
  readonly root: string;
  readonly shelf: Shelf;
  readonly catalogue: Catalogue;
  readonly handedOut: HandedOut;
  readonly repository: Objects;
  readonly nodes: Pick<Nodes, 'sightOf' | 'plan'>;
  readonly room: Room;
  /** Whatever is being written is given up once it is aborted. */
  readonly closing: AbortSignal;
}

const NAMES: Readonly<Record<MadeFile, string>> = { archive: 'archive', packedManifest: 'compressed manifest' };

/** Makes views and their files, and makes them again where they are missing, cut off or changed. */
export function openMaker({ root, shelf, catalogue, handedOut, repository, nodes, room, closing }: Parts) {
  const building = singleFlight<Known>();
  const checking = singleFlight<Verified>();
  const making = singleFlight<Verified>();
  // One after the other: the next tag's tree shares nearly all contents with this one's, and finds their sums known.
  const oneBuild = pLimit(1);
  const fewAtOnce = pLimit(2);

  async function entriesOf({ tree, node }: Origin): Promise<ViewEntry[]> {
    if (node === undefined) return entriesOfTree(await repository.entries(tree));
    const sight = await nodes.sightOf(tree, node);
    if (sight === null) throw new Error(`the tree ${tree} has no deploy.yml`);
    return nodes.plan(sight);
  }

  async function build(origin: Origin): Promise<Built> {
    if (origin.node !== undefined) {
      const sight = await nodes.sightOf(origin.tree, origin.node);
      if (sight !== null) return buildView(nodes.plan(sight), sight.site.sums);
    }
    const sums = openSums(join(root, 'blobs.sqlite'));
    try {
      const entries = await entriesOf(origin);
      return await buildView(entries, await sumsOf(repository, entries, sums));
    } finally {
      sums.close();
    }
  }

  async function store(entry: Known, built: Built): Promise<void> {
    const { digest } = entry.view;
    await explained(`the view ${digest} cannot be stored`, root, async () => {
      if (!(await checkedManifest(entry))) await shelf.putManifest(digest, built.manifest());
      await room.used(digest).catch(() => undefined);
      await record(entry);
      await handedOut.record(digest);
    });
  }

  async function record(entry: Known): Promise<void> {
    const about = aboutOf(entry);
    await shelf.putAbout(about);
    entry.recorded = treesIn(about);
  }

  async function checkedManifest(entry: Known): Promise<Verified | undefined> {
    const found = await shelf.manifest(entry.view.digest, entry.manifest);
    if (found) entry.manifest = found;
    return found;
  }

  async function checked(entry: Known, what: MadeFile): Promise<Verified | undefined> {
    const found = await shelf.made(entry.view.digest, what, entry.made.get(what));
    if (found) entry.made.set(what, found);
    return found;
  }

  async function rebuilt(entry: Known): Promise<Built> {
    const { view } = entry;
    return fromAny(entry, async (origin) => {
      const built = await oneBuild(() => build(origin));
      if (built.view.digest !== view.digest) throw new Error(`its tree ${origin.tree} now makes ${built.view.digest}`);
      return built;
    });
  }

  /** The manifest on disk, made again where it is not there as it should be. */
  function manifest(entry: Known): Promise<Verified> {
    return checking(entry.view.digest, async () => {
      const found = await checkedManifest(entry);
      if (found) return found;
      await store(entry, await rebuilt(entry));
      return (await checkedManifest(entry)) ?? unreadable(entry, 'manifest');
    });
  }

  /** The entries of a view, whose contents can be read by `readContents`. */
  function contents(entry: Known): Promise<ViewEntry[]> {
    return fromAny(entry, entriesOf);
  }

  async function write(entry: Known, what: MadeFile): Promise<Verified> {
    const { digest } = entry.view;
    const { path } = await manifest(entry);
    const entries = what === 'archive' ? await contents(entry) : [];
    await explained(`the ${NAMES[what]} of ${digest} cannot be stored`, root, () =>
      shelf.put(digest, what, (handle) =>
        what === 'archive'
          ? writeArchive(handle, { manifest: path, entries, objects: repository, closing })
          : writePacked(handle, path),
      ),
    );
    return (await checked(entry, what)) ?? unreadable(entry, NAMES[what]);
  }

  function unreadable({ view }: Known, what: string): never {
    throw new Error(`the ${what} of ${view.digest} was written to ${root} and cannot be read back: look at the disk`);
  }

  return {
    manifest,
    contents,

    view(tree: ObjectId): Promise<Known> {
      return building(tree, () =>
        oneBuild(async () => {
          const built = await build({ tree });
          const entry = catalogue.remember(built.view, [tree]);
          // A decision needs no room on the disk. Whoever asks for the manifest tries again, and is told what is wrong.
          await store(entry, built).catch(() => undefined);
          return entry;
        }),
      );
    },

    record,

    /** The view of a node, and of all others with the same key. */
    nodeView({ site, recipe, node }: Sight): Promise<Known> {
      return building(recipe.key, () =>
        oneBuild(async () => {
          const built = await buildView(nodes.plan({ site, recipe, node }), site.sums);
          const before = catalogue.present(built.view.digest);
          const isRecorded = before !== undefined && before.recorded.size > 0;
          const entry = catalogue.rememberRecipe(built.view, { key: recipe.key, trees: [site.tree], node });
          // Another way to make a view that is there needs no record of its own.
          if (!isRecorded) await store(entry, built).catch(() => undefined);
          return entry;
        }),
      );
    },

    /** A file that is made of a view, made now where it is not there. */
    made(entry: Known, what: MadeFile): Promise<Verified> {
      const { digest } = entry.view;
      return making(`${what} ${digest}`, async () => {
        const file = (await checked(entry, what)) ?? (await fewAtOnce(() => write(entry, what)));
        await room.used(digest).catch(() => undefined);
        return file;
      });
    },
  };
}

export type Maker = ReturnType<typeof openMaker>;

/** Objects of one tree may be gone while those of another with the same view are there: the last seen first. */
async function fromAny<Result>(entry: Known, act: (origin: Origin) => Promise<Result>): Promise<Result> {
  let failure: unknown;
  for (const origin of originsOf(entry)) {
    try {
      return await act(origin);
    } catch (error) {
      failure = error;
    }
  }
  const why = failure instanceof Error ? failure.message : 'no tree is known that has it';
  throw new Error(`the view ${entry.view.digest} cannot be made again: ${why}`, { cause: failure });
}
