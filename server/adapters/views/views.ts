import { join } from 'node:path';
import type { Digest } from '../../../protocol/names.ts';
import type { StoredFile, Views } from '../../ports.ts';
import { openCatalogue } from './catalogue.ts';
import type { Objects } from './contents.ts';
import { openHandedOut } from './handed-out.ts';
import { openMaker } from './maker.ts';
import { openShelf, type Verified } from './shelf.ts';
import { boundSums } from './sums.ts';
import { explained } from './trouble.ts';

/**
 * Views in `<stateDir>/views`. Everything there can be made again from the repository: what is missing, cut off or changed
 * is noticed and replaced. `ofTree` goes on where nothing can be written; the others throw a sentence for the operator.
 */
export function openViews({ stateDir, repository }: { stateDir: string; repository: Objects }): Views {
  const root = join(stateDir, 'views');
  const shelf = openShelf(root);
  const catalogue = openCatalogue(shelf);
  const handedOut = openHandedOut(shelf);
  const maker = openMaker({ root, shelf, catalogue, handedOut, repository });
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

    handedOut(digest, at) {
      catalogue.revive(digest);
      handedOut.note(digest, at);
    },

    async prune(keep, before) {
      const kept = new Set(keep);
      const gone: Digest[] = [];
      for (const digest of await catalogue.digests()) {
        const entry = await catalogue.find(digest);
        const last = await handedOut.lastOf(digest);
        if (entry && [...entry.trees].some((tree) => kept.has(tree))) {
          catalogue.narrow(entry, kept);
          if ((last ?? (await shelf.writtenAt(digest)) ?? before) < before) await slim(digest);
        } else if (last === undefined || last < before) {
          await drop(digest);
          gone.push(digest);
        }
      }
      boundSums(join(root, 'blobs.sqlite'));
      return gone;
    },
  };

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
