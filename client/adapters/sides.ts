import { readlinkSync, type Stats } from 'node:fs';
import type { Side } from '../core/unified.ts';
import { readRegular } from './peek.ts';
import { lookAt } from './stat-cache.ts';

/** A larger file is told by its size. */
const LIMIT_BYTES = 1024 * 1024;

export interface FoundSide {
  readonly side: Side;
  /** Undefined where nothing is. */
  readonly stats: Stats | undefined;
}

/** What stands at a path now. `isRead`: whether the content of a file is of interest. */
export function sideOnDisk(path: string, { isRead }: { readonly isRead: (stats: Stats) => boolean }): FoundSide {
  const stats = lookAt(path);
  return { side: stats === undefined ? { kind: 'absent' } : sideOf(path, stats, isRead(stats)), stats };
}

function sideOf(path: string, stats: Stats, isRead: boolean): Side {
  if (stats.isSymbolicLink()) return { kind: 'link', target: readlinkSync(path) };
  if (stats.isDirectory()) return { kind: 'other', what: 'a directory' };
  if (!stats.isFile()) return { kind: 'other', what: 'something that is no file' };
  const content = isRead ? readRegular(path, LIMIT_BYTES) : undefined;
  return { kind: 'file', size: stats.size, content, mode: stats.mode & 0o7777 };
}
