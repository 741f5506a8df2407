import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { Digest } from '../../protocol/names.ts';
import { decodeSightings, encodeSightings, noteLook, type Sightings, sameAs, WIDTH } from '../core/sightings.ts';
import { createFile, publish, TEMPORARY } from './publish.ts';

const LIMIT_BYTES = 512 * 1024 * 1024;

export interface Stocktaking {
  /** Where the cache is kept: below the target, never below `root`. */
  readonly file: string;
  /** What the paths are relative to. */
  readonly root: string;
  /** Of the manifest that the content was compared with. */
  readonly digest: Digest;
  /** Files, links and directories. */
  readonly paths: readonly string[];
  /** How paths looked *before* their content was read, where that was just now: what changed meanwhile is then found by the next run. */
  readonly looked?: Looked;
  /** What was remembered of these same paths, and still holds for all that are not in `looked`. */
  readonly before?: Sightings | undefined;
}

export interface Looked {
  /** `fileTime` before the first was looked at. */
  readonly beganAtMs: number;
  readonly looks: ReadonlyMap<string, Stats>;
}

/**
 * Remembers how files look whose content was just found right, one system call each; a path that is gone by now counts as
 * changed ever after. Throws what the file system reports: without a cache everything is read again, which costs only time.
 */
export function takeStock({ file, root, digest, paths, looked, before }: Stocktaking): void {
  const takenAtMs = looked?.beganAtMs ?? fileTime(file);
  const isSame = before?.paths.length === paths.length && before.paths.every((path, index) => path === paths[index]);
  const numbers = isSame ? before.numbers.slice() : new Float64Array(paths.length * WIDTH).fill(-1);
  for (const [index, path] of paths.entries()) {
    const stats = looked?.looks.get(path) ?? (isSame ? undefined : lookAt(`${root}/${path}`));
    if (stats !== undefined) noteLook(numbers, index, stats);
  }
  publish(file, encodeSightings({ digest, takenAtMs, paths, numbers }));
}

/** The time by the clock of the file system that keeps `file`, in milliseconds since 1970: a network's may differ from ours. */
export function fileTime(file: string): number {
  mkdirSync(dirname(file), { recursive: true, mode: 0o755 });
  const probe = join(dirname(file), `${TEMPORARY}time`);
  rmSync(probe, { force: true });
  const fd = createFile(probe, 0o600);
  try {
    return fstatSync(fd).mtimeMs;
  } finally {
    closeSync(fd);
    rmSync(probe, { force: true });
  }
}

/** What was remembered for this manifest; undefined where there is nothing, or nothing to be believed: then everything is to be read. */
export function recall(file: string, digest: Digest): Sightings | undefined {
  try {
    const fd = openSync(file, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      if (fstatSync(fd).size > LIMIT_BYTES) return undefined;
      const sightings = decodeSightings(readFileSync(fd));
      return sightings?.digest === digest ? sightings : undefined;
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

/** The paths, by their place in `paths`, that do not look as they did; gone ones included. */
export function movedSince(sightings: Sightings, root: string): number[] {
  const moved: number[] = [];
  const { paths } = sightings;
  for (let index = 0; index < paths.length; index++) {
    const stats = lookAt(`${root}/${paths[index]}`);
    if (stats === undefined || !sameAs(sightings, index, stats)) moved.push(index);
  }
  return moved;
}

const GENTLY = { throwIfNoEntry: false } as const;

/** lstat(2); undefined for what is not there. */
export function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, GENTLY);
  } catch (error) {
    // A directory above it is one no longer.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}
