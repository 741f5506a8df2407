import { type ObjectId, parseRelativePath } from '../../../protocol/names.ts';
import { type Git, GitFailed } from './run.ts';

export type Submodules = 'refuse' | 'ignore';

/** Git knows the empty tree without having it. */
const EMPTY_TREE = {
  40: '4b825dc642cb6eb9a060e54bf8d69288fbee4904',
  64: '6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321',
};
const MODES: ReadonlySet<string> = new Set(['100644', '100755', '100664', '120000']);
const SUBMODULE = '160000';

/**
 * Why no view of a tree can be built, or null. Where `sound` is a tree without a flaw, only what differs from it is looked
 * at, so that the cost follows the change.
 */
export async function flawOf(git: Git, trees: { tree: ObjectId; sound: ObjectId | undefined }, submodules: Submodules) {
  const flaws: string[] = [];
  for (const { mode, path } of await changes(git, trees)) {
    const flaw = flawOfEntry(mode, path, submodules);
    if (flaw !== null) flaws.push(flaw);
  }
  const [first, ...others] = flaws;
  if (first === undefined) return null;
  return others.length === 0 ? first : `${first} (and ${others.length} more like it)`;
}

/** Why an entry cannot be in a view, or null. `path` is as git stores it. */
export function flawOfEntry(mode: string, path: Buffer, submodules: Submodules): string | null {
  const text = path.toString('utf8');
  const shown = JSON.stringify(text);
  if (text === 'deploy.yml' && (mode === '120000' || mode === SUBMODULE))
    return 'deploy.yml is no regular file: it says how the tree is released, and must be one';
  if (mode === SUBMODULE)
    return submodules === 'ignore' ? null : `${shown} is a submodule: take it out, or set repo.submodules to ignore`;
  if (!MODES.has(mode)) return `${shown} has the mode ${mode}, which is neither a file nor a link`;
  if (!Buffer.from(text).equals(path)) return `the path ${escaped(path)} is not UTF-8: rename it`;
  if (text === '.tagwave' || text.startsWith('.tagwave/'))
    return `${shown} is below .tagwave/, which is reserved: rename it`;
  if (parseRelativePath(text) === undefined) return `${shown} is no path that a view can hold: rename it`;
  return null;
}

function escaped(path: Buffer): string {
  const text = [...path].map((byte) =>
    byte >= 32 && byte < 127 && byte !== 92 ? String.fromCharCode(byte) : hex(byte),
  );
  return `"${text.join('')}"`;
}

function hex(byte: number): string {
  return `\\x${byte.toString(16).padStart(2, '0')}`;
}

async function changes(git: Git, { tree, sound }: { tree: ObjectId; sound: ObjectId | undefined }) {
  if (sound === tree) return [];
  const empty = EMPTY_TREE[tree.length === 64 ? 64 : 40];
  try {
    return await difference(git, sound ?? empty, tree);
  } catch (error) {
    // The sound tree may have gone with the last tag that had it.
    if (sound === undefined || !(error instanceof GitFailed)) throw error;
    return difference(git, empty, tree);
  }
}

interface Change {
  readonly mode: string;
  readonly path: Buffer;
}

/** What `tree` has that `from` doesn't have, or has otherwise. */
async function difference(git: Git, from: string, tree: string): Promise<Change[]> {
  const args = ['diff-tree', '-r', '-z', '--raw', '--no-renames', '--diff-filter=d', from, tree];
  const { stdout } = await git.plumb(args);
  const found: Change[] = [];
  for (let at = 0; at < stdout.length; ) {
    const header = stdout.indexOf(0, at);
    const end = stdout.indexOf(0, header + 1);
    found.push({
      mode: stdout.toString('latin1', at, header).split(' ')[1] ?? '',
      path: stdout.subarray(header + 1, end),
    });
    at = end + 1;
  }
  return found;
}
