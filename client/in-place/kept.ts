import { lstatSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { syncDirectory } from '../adapters/publish.ts';
import { keepAs } from './copies.ts';
import { contentHashOf, hashOf } from './hash.ts';
import { makePrivate, namesIn, type Storage } from './storage.ts';

export interface KeptCopy {
  /** Its whole path. */
  readonly place: string;
}

/** So many copies are kept, and so many bytes; the oldest go first, the newest never. */
const MOST = 200;
const MOST_BYTES = 256 * 1024 * 1024;

/**
 * Keeps a file or link that somebody changed, below kept/, under a name with the time, the file's own name and a mark that is
 * the same for the same content of the same path: what cannot be overwritten for days is kept once, not with every run.
 */
export function keepCopy(storage: Storage, path: string, from: string): KeptCopy {
  makePrivate(storage.kept);
  const mark = hashOf(Buffer.from(`${path}\0${contentHashOf(from) ?? ''}`)).slice(0, 12);
  const earlier = namesIn(storage.kept).find((name) => name.endsWith(`-${mark}`));
  if (earlier !== undefined) return { place: join(storage.kept, earlier) };
  const time = new Date().toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const name = `${time}-${basename(path).slice(0, 40)}-${mark}`;
  keepAs(from, join(storage.kept, name));
  syncDirectory(storage.kept);
  dropOldest(storage, name);
  return { place: join(storage.kept, name) };
}

function dropOldest({ kept }: Storage, newest: string): void {
  const others = namesIn(kept)
    .filter((name) => name !== newest)
    .sort()
    .reverse();
  let bytes = lstatSync(join(kept, newest)).size;
  for (const [index, name] of others.entries()) {
    bytes += lstatSync(join(kept, name)).size;
    if (index + 2 > MOST || bytes > MOST_BYTES) rmSync(join(kept, name), { recursive: true, force: true });
  }
}
