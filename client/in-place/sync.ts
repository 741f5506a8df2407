import { join } from 'node:path';
import { run } from '../adapters/process.ts';
import type { Tree } from './tree.ts';

/** From so many on it costs less to sync whole file systems than one file or directory after the other. */
const MANY = 32;

export function isManyOf(count: number): boolean {
  return count > MANY;
}

/** Makes durable what was written into these directories, and with them all of their file systems. */
export async function syncFileSystems(tree: Tree, folders: ReadonlySet<string>): Promise<void> {
  const one = new Map<number, string>();
  for (const folder of folders) {
    const device = tree.deviceOf(folder);
    if (!one.has(device)) one.set(device, folder);
  }
  const directories = [...one.values()].map((folder) => join(tree.root, folder));
  const { code } = await run({ command: 'sync', args: ['-f', ...directories] });
  // A `sync` that knows no single file system syncs them all.
  if (code !== 0) await run({ command: 'sync', args: [] });
}
