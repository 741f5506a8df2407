import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

const TEMPORARY = /^\..+\.(\d+)-[0-9a-f]{8}\.tmp$/;

/** Temporary names that this process is at work on: what else bears its process id is from a dead namesake. */
const inProgress = new Set<string>();

/** A name beside `path` that tells from whom it is and that nobody takes for the thing itself. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.tmp`);
}

/**
 * Writes a file under a temporary name, syncs it, and renames it to `path`, making the directory where it is missing.
 * Whatever fails, nothing half-written is left behind and what was there before stays.
 */
export async function publish<Result>(path: string, write: (handle: FileHandle) => Promise<Result>): Promise<Result> {
  await makeDirectory(dirname(path));
  const temporary = temporaryName(path);
  inProgress.add(temporary);
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      const result = await write(handle);
      await handle.sync();
      await rename(temporary, path);
      await syncDirectory(dirname(path));
      return result;
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    inProgress.delete(temporary);
  }
}

/** Removes what processes that were killed left in a directory. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    const owner = TEMPORARY.exec(name)?.[1];
    const path = join(directory, name);
    if (owner === undefined || inProgress.has(path) || isAtWork(Number(owner))) continue;
    await rm(path, { recursive: true, force: true });
  }
}

/** As `recursive`, which on a read-only disk says that the directory does not exist and not why. */
async function makeDirectory(path: string): Promise<void> {
  const why = await tryMakeDirectory(path);
  if (why === undefined) return;
  if (why.code !== 'ENOENT') throw why;
  await makeDirectory(dirname(path));
  const stillWhy = await tryMakeDirectory(path);
  if (stillWhy) throw stillWhy;
}

async function tryMakeDirectory(path: string): Promise<NodeJS.ErrnoException | undefined> {
  return mkdir(path, { mode: 0o700 }).then(
    () => undefined,
    (error: NodeJS.ErrnoException) => (error.code === 'EEXIST' ? undefined : error),
  );
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isAtWork(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
