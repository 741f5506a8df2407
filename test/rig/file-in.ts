import type { ObjectId } from '../../protocol/names.ts';
import { fileAt } from '../../server/adapters/git/file-at.ts';
import { openObjectReader } from '../../server/adapters/git/reader.ts';

/** A file of any repository, as the adapter reads it from its own. */
export function file(
  { store, treeish }: { readonly store: { readonly gitDir: string }; readonly treeish: ObjectId },
  path: string,
  limit: number,
): Promise<Buffer | undefined> {
  const { PATH = '' } = process.env;
  return fileAt(openObjectReader(store.gitDir, { PATH, GIT_DIR: store.gitDir }), { treeish, path }, limit);
}
