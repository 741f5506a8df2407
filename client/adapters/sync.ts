import { closeSync, constants, fsyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './process.ts';

/**
 * Makes everything below a directory durable: one call for its whole file system, which costs less than one per file.
 * Where there is no `sync -f`, file by file. Throws what the file system reports.
 */
export async function syncTree(directory: string): Promise<void> {
  const { code } = await run({ command: 'sync', args: ['-f', directory] });
  if (code !== 0) syncEach(directory);
}

function syncEach(directory: string): void {
  for (const dirent of readdirSync(directory, { withFileTypes: true })) {
    if (dirent.isDirectory()) syncEach(join(directory, dirent.name));
    else if (dirent.isFile()) syncOne(join(directory, dirent.name));
  }
  syncOne(directory);
}

function syncOne(path: string): void {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
