import { rmSync } from 'node:fs';
import { mkdtemp, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface WorkDirectory {
  readonly path: string;
  /** `tmpfs`, or `disk` for whatever else it is on. */
  readonly fileSystem: 'tmpfs' | 'disk';
}

const TMPFS_MAGIC = 0x01021994;
/** A hundred thousand files, their repository twice, and room to breathe. */
const NEEDED_BYTES = 2 * 1024 ** 3;

/** In memory where there is room, so that no disk's mood is measured. Removed at the end, also of an interrupted run. */
export async function withWorkDirectory(use: (work: WorkDirectory) => Promise<void>): Promise<void> {
  const inMemory = await hasRoomInMemory('/dev/shm');
  const path = await mkdtemp(join(inMemory ? '/dev/shm' : tmpdir(), 'tagwave-bench-'));
  const remove = () => rmSync(path, { recursive: true, force: true, maxRetries: 10 });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
  process.once('exit', remove);
  await use({ path, fileSystem: inMemory ? 'tmpfs' : 'disk' });
  remove();
}

async function hasRoomInMemory(directory: string): Promise<boolean> {
  try {
    const { type, bavail, bsize } = await statfs(directory);
    return type === TMPFS_MAGIC && bavail * bsize >= NEEDED_BYTES;
  } catch {
    return false;
  }
}
