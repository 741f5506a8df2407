import type { ObjectId } from '../../../protocol/names.ts';
import type { ObjectReader } from './reader.ts';

/** One line of a tree as git stores it: six digits of mode, a name of any bytes but NUL and `/`. */
export interface TreeLine {
  readonly mode: string;
  readonly name: Buffer;
  readonly object: ObjectId;
}

export const SUBTREE = '040000';

/** `idBytes` is how long the repository's ids are: 20 or 32. */
export function parseTree(content: Buffer, idBytes: number): TreeLine[] {
  const lines: TreeLine[] = [];
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at);
    const nul = content.indexOf(0, space);
    const end = nul + 1 + idBytes;
    if (space === -1 || nul === -1 || end > content.length) throw new Error('a tree is cut off');
    lines.push({
      mode: canonical(Number.parseInt(content.toString('latin1', at, space), 8)),
      name: content.subarray(space + 1, nul),
      object: content.toString('hex', nul + 1, end) as ObjectId,
    });
    at = end;
  }
  return lines;
}

/** As git itself takes the modes of old and sloppy tools: of a file only the owner's execute bit counts. */
function canonical(mode: number): string {
  switch (mode & 0o170000) {
    case 0o100000:
      return (mode & 0o100) === 0 ? '100644' : '100755';
    case 0o120000:
      return '120000';
    case 0o040000:
      return SUBTREE;
    default:
      return '160000';
  }
}

export interface TreeChange {
  readonly mode: string;
  /** From the root, as git stores it. */
  readonly path: Buffer;
  readonly object: ObjectId;
}

interface Pair {
  readonly path: Buffer;
  /** Without one, everything below `to` is a change. */
  readonly from: ObjectId | undefined;
  readonly to: ObjectId;
}

/** So many trees are asked for at once. */
const BATCH = 128;

/**
 * What is no directory, and `to` has while `from` doesn't have it or has it otherwise; in no particular order. Only
 * directories that differ are read. Throws where one of `to` cannot be read; what cannot be read of `from` counts as empty.
 */
export async function* treeChanges(
  objects: ObjectReader,
  { from, to }: Pick<Pair, 'from' | 'to'>,
): AsyncGenerator<TreeChange> {
  const pairs: Pair[] = from === to ? [] : [{ path: Buffer.alloc(0), from, to }];
  while (pairs.length > 0) {
    const batch = pairs.splice(-BATCH);
    const before = batch.flatMap((pair) => (pair.from === undefined ? [] : [pair.from]));
    const after = batch.map((pair) => pair.to);
    const [known, wanted] = await Promise.all([linesOf(objects, before), linesOf(objects, after)]);
    for (const pair of batch) {
      const lines = wanted.get(pair.to);
      if (lines === undefined) throw new Error(`the tree ${pair.to} cannot be read: it is missing from the repository`);
      for (const { below, line } of differing(pair, lines, known)) {
        const path = pair.path.length === 0 ? line.name : Buffer.concat([pair.path, SLASH, line.name]);
        if (line.mode === SUBTREE) pairs.push({ path, from: below, to: line.object });
        else yield { mode: line.mode, path, object: line.object };
      }
    }
  }
}

const SLASH = Buffer.from('/');

/** The lines that differ; of directories, what was there `below` before. */
function differing({ from }: Pair, lines: readonly TreeLine[], known: ReadonlyMap<ObjectId, readonly TreeLine[]>) {
  const before = new Map(
    (from === undefined ? [] : (known.get(from) ?? [])).map((line) => [line.name.toString('latin1'), line]),
  );
  return lines.flatMap((line) => {
    const was = before.get(line.name.toString('latin1'));
    if (was?.object === line.object && was.mode === line.mode) return [];
    return [{ line, below: was?.mode === SUBTREE ? was.object : undefined }];
  });
}

/** Those that are trees. */
async function linesOf(objects: ObjectReader, ids: readonly ObjectId[]): Promise<Map<ObjectId, TreeLine[]>> {
  const unique = [...new Set(ids)];
  const found = await objects.contents(unique);
  return new Map(
    unique.flatMap((id, index) => {
      const object = found[index];
      return object?.type === 'tree' ? [[id, parseTree(object.content, id.length / 2)] as const] : [];
    }),
  );
}

/** A file or link by its path below a commit or tree; undefined where there is none. Throws where a directory on the way is missing. */
export async function lineAt(objects: ObjectReader, treeish: ObjectId, path: string): Promise<TreeLine | undefined> {
  let tree: string = `${treeish}^{tree}`;
  for (const [index, name] of path.split('/').entries()) {
    const [found] = await objects.contents([tree]);
    if (found === undefined) throw new Error(`${tree} is missing from the repository`);
    const line = parseTree(found.content, found.object.length / 2).find((each) => each.name.equals(Buffer.from(name)));
    if (line === undefined || index === path.split('/').length - 1) return line?.mode === SUBTREE ? undefined : line;
    if (line.mode !== SUBTREE) return undefined;
    tree = line.object;
  }
  return undefined;
}
