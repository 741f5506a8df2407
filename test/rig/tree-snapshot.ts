import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Everything below a directory, by path: links with their targets, files with their contents and as much of their permissions
 * as `mask` lets count. Directories only where all permissions count.
 */
export async function snapshotOf(root: string, mask = 0o7777): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await readdir(root, { recursive: true })) {
    const path = join(root, name);
    const info = await lstat(path);
    if (info.isSymbolicLink()) found[name] = `link ${await readlink(path)}`;
    else if (info.isFile()) found[name] = `${(info.mode & mask).toString(8)} ${await readFile(path, 'base64')}`;
    else if (mask === 0o7777) found[name] = 'directory';
  }
  return found;
}
