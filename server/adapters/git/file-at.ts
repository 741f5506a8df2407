import type { ObjectId } from '../../../protocol/names.ts';
import { GitFailed } from './git-failed.ts';
import { CHECK_OBJECTS } from './objects.ts';
import type { ObjectInfo, ObjectReader } from './reader.ts';
import { lineAt } from './tree-object.ts';

interface Place {
  readonly treeish: ObjectId;
  readonly path: string;
}

/**
 * A file's content at a commit or tree; a link's is its target. Undefined where there is no such path or it is no file.
 * Throws over `limit` bytes, and where the objects cannot be read.
 */
export async function fileAt(objects: ObjectReader, place: Place, limit: number): Promise<Buffer | undefined> {
  const { treeish, path } = place;
  const blob = await readable(place, () => blobAt(objects, place));
  if (blob === undefined) return undefined;
  const { object, size } = blob;
  if (size > limit)
    throw new Error(`${JSON.stringify(path)} in ${treeish} has ${size} bytes, more than the ${limit} allowed`);
  const [found] = await readable(place, () => objects.contents([object]));
  return found?.content;
}

async function blobAt(objects: ObjectReader, { treeish, path }: Place): Promise<ObjectInfo | undefined> {
  const line = await lineAt(objects, treeish, path);
  if (line === undefined || line.mode === '160000') return undefined;
  const [blob] = await objects.info([line.object]);
  if (blob === undefined) throw new Error(`${line.object} is missing from the repository, or damaged`);
  return blob;
}

async function readable<Value>({ treeish }: Place, read: () => Promise<Value>): Promise<Value> {
  try {
    return await read();
  } catch (error) {
    const said = error instanceof GitFailed ? error.stderr.trim().split('\n').at(-1) : '';
    const why = said || (error instanceof Error ? error.message : String(error));
    throw new Error(`${treeish} cannot be read: ${why}. ${CHECK_OBJECTS}`);
  }
}
