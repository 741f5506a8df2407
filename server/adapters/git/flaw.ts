import { type ObjectId, parseRelativePath } from '../../../protocol/names.ts';
import { GitFailed } from './git-failed.ts';
import type { Git } from './run.ts';
import { treeChanges } from './tree-object.ts';

export type Submodules = 'refuse' | 'ignore';

const MODES: ReadonlySet<string> = new Set(['100644', '100755', '100664', '120000']);
const SUBMODULE = '160000';

/**
 * Why no view of a tree can be built, or null. Where `sound` is a tree without a flaw, only what differs from it is looked
 * at, so that the cost follows the change.
 */
export async function flawOf(git: Git, trees: { tree: ObjectId; sound: ObjectId | undefined }, submodules: Submodules) {
  const flaws = await flawsOf(git, trees, submodules);
  const [first, ...others] = flaws.sort((a, b) => Buffer.compare(a.path, b.path));
  if (first === undefined) return null;
  return others.length === 0 ? first.flaw : `${first.flaw} (and ${others.length} more like it)`;
}

async function flawsOf(
  git: Git,
  { tree, sound }: { tree: ObjectId; sound: ObjectId | undefined },
  submodules: Submodules,
): Promise<{ readonly path: Buffer; readonly flaw: string }[]> {
  const flaws: { path: Buffer; flaw: string }[] = [];
  try {
    for await (const { mode, path } of treeChanges(git.objects, { from: sound, to: tree })) {
      const flaw = flawOfEntry(mode, path, submodules);
      if (flaw !== null) flaws.push({ path, flaw });
    }
    return flaws;
  } catch (error) {
    // The sound tree may be damaged since.
    if (sound === undefined || !(error instanceof GitFailed)) throw error;
    return flawsOf(git, { tree, sound: undefined }, submodules);
  }
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
