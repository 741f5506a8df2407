import { join } from 'node:path';
import type { Digest } from '../../../protocol/names.ts';
import type { StoredFile, Views } from '../../ports.ts';
import { openCatalogue } from './catalogue.ts';
import type { Objects } from './contents.ts';
import { type DeltaWriter, planDelta } from './delta.ts';
import { openDeltas, type Pair } from './deltas.ts';
import { openHandedOut } from './handed-out.ts';
import { openMaker } from './maker.ts';
import { openShelf, type Verified } from './shelf.ts';
import { boundSums } from './sums.ts';
import { explained } from './trouble.ts';

interface Options {
  readonly stateDir: string;
  readonly repository: Objects;
  /** How much all deltas may take on the disk together; 0 = none are made. */
  readonly deltaCacheBytes?: () => number;
}

const DELTA_CACHE_BYTES = 256 * 1024 * 1024;

/**
 * Views in `<stateDir>/views`. Everything there can be made again from the repository: what is missing, cut off or changed
 * is noticed and replaced. `ofTree` goes on where nothing can be written; the others throw a sentence for the operator.
 */
export function openViews({ stateDir, repository, deltaCacheBytes = () => DELTA_CACHE_BYTES }: Options): Views {
  const root = join(stateDir, 'views');
  const shelf = openShelf(root);
  const catalogue = openCatalogue(shelf);
  const handedOut = openHandedOut(shelf);
  const maker = openMaker({ root, shelf, catalogue, handedOut, repository });
  const deltas = openDeltas({ directory: join(root, 'deltas'), limit: deltaCacheBytes, plan: deltaBetween });
  return {
    async ofTree(tree) {
      const { view } = (await catalogue.ofTree(tree)) ?? (await maker.view(tree));
      return view;
    },

    async manifest(digest) {
      const entry = await catalogue.find(digest);
      return entry && storedFile(await maker.manifest(entry));
    },

    async archive(digest) {
      const entry = await catalogue.find(digest);
      return entry && storedFile(await maker.archive(entry));
    },

    async delta(from, to) {
      if (from === to || !(await catalogue.find(from)) || !(await catalogue.find(to))) return undefined;
      const file = await deltas.get({ from, to });
      return file && storedFile(file);
    },

    handedOut(digest, at) {
      catalogue.revive(digest);
      handedOut.note(digest, at);
    },

    async prune(keep, before) {
      const kept = new Set(keep);
      const gone: Digest[] = [];
      const idle = new Set<Digest>();
      for (const digest of await catalogue.digests()) {
        const entry = await catalogue.find(digest);
        const last = await handedOut.lastOf(digest);
        if (entry && [...entry.trees].some((tree) => kept.has(tree))) {
          catalogue.narrow(entry, kept);
          if ((last ?? (await shelf.writtenAt(digest)) ?? before) < before) {
            idle.add(digest);
            await slim(digest);
          }
        } else if (last === undefined || last < before) {
          await drop(digest);
          gone.push(digest);
        }
      }
      await deltas.retain(async ({ from, to }) => {
        const isKnown = (await catalogue.find(from)) !== undefined && (await catalogue.find(to)) !== undefined;
        return isKnown && !idle.has(to);
      });
      boundSums(join(root, 'blobs.sqlite'));
      return gone;
    },
  };

  async function deltaBetween({ from, to }: Pair): Promise<DeltaWriter | undefined> {
    const [old, now] = [await catalogue.find(from), await catalogue.find(to)];
    if (!old || !now) return undefined;
    return planDelta({
      from: { digest: from, manifest: (await maker.manifest(old)).path },
      to: { digest: to, manifest: (await maker.manifest(now)).path, contents: () => maker.contents(now) },
      objects: repository,
    });
  }

  /** A month of tags is kept, and few of them are ever asked for again: their files are made anew if they are. */
  async function slim(digest: Digest): Promise<void> {
    await explained(`the files of ${digest}, which nobody asks for, cannot be removed`, root, () => shelf.slim(digest));
  }

  async function drop(digest: Digest): Promise<void> {
    catalogue.drop(digest);
    handedOut.forget(digest);
    await explained(`the view ${digest} is no longer needed and cannot be removed`, root, () => shelf.drop(digest));
  }
}

function storedFile({ path, size, sha256 }: Verified): StoredFile {
  return { path, size, sha256 };
}
