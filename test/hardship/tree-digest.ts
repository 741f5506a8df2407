import { createHash } from 'node:crypto';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { comparePaths, digestOf, type ManifestEntry, manifestLine } from '../../protocol/manifest.ts';
import type { RelativePath } from '../../protocol/names.ts';

/** The digest of a directory's content as a view's: what it must be where every file of a release is there, and no other. */
export async function treeDigest(root: string): Promise<string> {
  const dirents = await readdir(root, { withFileTypes: true, recursive: true });
  const paths = dirents.filter((dirent) => !dirent.isDirectory()).map(({ parentPath, name }) => join(parentPath, name));
  const entries = await Promise.all(paths.map((path) => entryOf(path, path.slice(root.length + 1) as RelativePath)));
  return digestOf(
    entries
      .sort((a, b) => comparePaths(a.path, b.path))
      .map(manifestLine)
      .join(''),
  );
}

async function entryOf(file: string, path: RelativePath): Promise<ManifestEntry> {
  const stats = await lstat(file);
  const content = stats.isSymbolicLink() ? Buffer.from(await readlink(file)) : await readFile(file);
  const mode = stats.isSymbolicLink() ? '120000' : (stats.mode & 0o111) === 0 ? '100644' : '100755';
  return { path, mode, size: content.length, sha256: createHash('sha256').update(content).digest('hex') };
}

/** The digest of what `current` of a target leads to; undefined where nothing is in use. Fails where it leads nowhere. */
export async function currentDigest(target: string): Promise<string | undefined> {
  const link = await readlink(join(target, 'current')).catch(() => undefined);
  return link === undefined ? undefined : treeDigest(join(target, link));
}
