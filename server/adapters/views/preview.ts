import { join } from 'node:path';
import type { ObjectId } from '../../../protocol/names.ts';
import type { PreviewedView } from '../../ports/content.ts';
import { manifestEntry, sumsOf } from './build.ts';
import { entriesOfTree, readContents } from './contents.ts';
import type { Contents, Nodes, Sight } from './nodes.ts';
import type { PlannedEntry } from './stack.ts';
import { openSums } from './sums.ts';

interface Parts {
  readonly tree: ObjectId;
  readonly nodes: Pick<Nodes, 'plan'>;
  readonly repository: Contents;
  readonly root: string;
}

/** A view to be looked at: nothing is stored. `sight` null = the whole tree. */
export async function previewOf(sight: Sight | null, { tree, nodes, repository, root }: Parts): Promise<PreviewedView> {
  const planned: PlannedEntry[] =
    sight === null
      ? entriesOfTree(await repository.entries(tree)).map((entry) => ({ ...entry, from: entry.path }))
      : nodes.plan(sight);
  const sums = sight?.site.sums ?? (await sumsFromDisk({ repository, root }, planned));
  const byPath = new Map(planned.map((entry) => [entry.path as string, entry]));
  return {
    entries: planned.map((entry) => ({ ...manifestEntry(entry, sums), from: entry.from })),
    async content(path) {
      const entry = byPath.get(path);
      if (entry === undefined) return undefined;
      for await (const { content } of readContents(repository, [entry])) return Buffer.concat(await content.toArray());
      return undefined;
    },
  };
}

async function sumsFromDisk(
  { repository, root }: Pick<Parts, 'repository' | 'root'>,
  planned: readonly PlannedEntry[],
) {
  const sums = openSums(join(root, 'blobs.sqlite'));
  try {
    return await sumsOf(repository, planned, sums);
  } finally {
    sums.close();
  }
}
