import { join } from 'node:path';
import pLimit from 'p-limit';
import type { Digest, ObjectId } from '../../../protocol/names.ts';
import { writeArchive } from './archive.ts';
import { type Built, buildView } from './build.ts';
import type { Catalogue, Known } from './catalogue.ts';
import { entriesOfTree, type Objects, type ViewEntry } from './contents.ts';
import { singleFlight } from './flight.ts';
import type { HandedOut } from './handed-out.ts';
import { publish } from './publish.ts';
import type { Shelf, Verified } from './shelf.ts';
import { openSums } from './sums.ts';
import { explained } from './trouble.ts';

interface Parts {
  readonly root: string;
  readonly shelf: Shelf;
  readonly catalogue: Catalogue;
  readonly handedOut: HandedOut;
  readonly repository: Objects;
}

/** Makes views and their files, and makes them again where they are missing, cut off or changed. */
export function openMaker({ root, shelf, catalogue, handedOut, repository }: Parts) {
  const building = singleFlight<Known>();
  const checking = singleFlight<Verified>();
  const archiving = singleFlight<Verified>();
  // One after the other: the next tag's tree shares nearly all contents with this one's, and finds their sums known.
  const oneBuild = pLimit(1);
  const fewArchives = pLimit(2);

  async function entriesOf(tree: ObjectId): Promise<ViewEntry[]> {
    return entriesOfTree(await repository.entries(tree));
  }

  async function build(tree: ObjectId): Promise<Built> {
    const sums = openSums(join(root, 'blobs.sqlite'));
    try {
      return await buildView(await entriesOf(tree), { objects: repository, sums });
    } finally {
      sums.close();
    }
  }

  async function store(entry: Known, built: Built): Promise<void> {
    const { digest } = entry.view;
    await explained(`the view ${digest} cannot be stored`, root, async () => {
      if (!(await checkedManifest(entry))) await shelf.putManifest(digest, built.manifest());
      await shelf.putAbout({ view: entry.view, trees: [...entry.trees] });
      await handedOut.record(digest);
    });
  }

  async function checkedManifest(entry: Known): Promise<Verified | undefined> {
    const found = await shelf.manifest(entry.view.digest, entry.manifest);
    if (found) entry.manifest = found;
    return found;
  }

  async function checkedArchive(entry: Known): Promise<Verified | undefined> {
    const found = await shelf.archive(entry.view.digest, entry.archive);
    if (found) entry.archive = found;
    return found;
  }

  async function rebuilt({ view, trees }: Known): Promise<Built> {
    return fromAnyTree(view.digest, trees, async (tree) => {
      const built = await oneBuild(() => build(tree));
      if (built.view.digest !== view.digest) throw new Error(`its tree ${tree} now makes ${built.view.digest}`);
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
  function contents({ view, trees }: Known): Promise<ViewEntry[]> {
    return fromAnyTree(view.digest, trees, entriesOf);
  }

  async function makeArchive(entry: Known): Promise<Verified> {
    const { digest } = entry.view;
    const { path } = await manifest(entry);
    const entries = await contents(entry);
    await explained(`the archive of ${digest} cannot be stored`, root, async () => {
      const contents = { manifest: path, entries, objects: repository };
      const sum = await publish(shelf.pathOf(digest, 'archive.tar.gz'), (handle) => writeArchive(handle, contents));
      await shelf.putArchiveSum(digest, sum);
    });
    return (await checkedArchive(entry)) ?? unreadable(entry, 'archive');
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
          const built = await build(tree);
          const entry = catalogue.remember(built.view, [tree]);
          // A decision needs no room on the disk. Whoever asks for the manifest tries again, and is told what is wrong.
          await store(entry, built).catch(() => undefined);
          return entry;
        }),
      );
    },

    archive(entry: Known): Promise<Verified> {
      return archiving(entry.view.digest, async () => {
        return (await checkedArchive(entry)) ?? (await fewArchives(() => makeArchive(entry)));
      });
    },
  };
}

/** Objects of one tree may be gone while those of another with the same view are there: the last seen first. */
async function fromAnyTree<Result>(
  digest: Digest,
  trees: Iterable<ObjectId>,
  act: (tree: ObjectId) => Promise<Result>,
): Promise<Result> {
  let failure: unknown;
  for (const tree of [...trees].reverse()) {
    try {
      return await act(tree);
    } catch (error) {
      failure = error;
    }
  }
  const why = failure instanceof Error ? failure.message : 'no tree is known that has it';
  throw new Error(`the view ${digest} cannot be made again: ${why}`, { cause: failure });
}
