import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type Digest, hexOf } from '../../protocol/names.ts';
import { parseRepresentation, type Representation } from '../core/representation.ts';
import type { Layout } from './layout.ts';
import { isDirectory, quietly, removeParts } from './old-parts.ts';
import { writeWhole } from './publish.ts';

/** The beginning of a download that was cut off, kept for the next try or the next run. */
export interface Part {
  /** What it is the beginning of; undefined: nothing is kept. */
  readonly of: Representation | undefined;
  /** Bytes. */
  readonly size: number;
  /** Forgets what was kept: what is added from here on is the beginning of this. */
  begin(of: Representation | undefined): void;
  add(bytes: Uint8Array): void;
  /** Writes what is still in memory: there may be no more. */
  flush(): void;
  /** What is kept, from the first byte on. */
  read(): Generator<Uint8Array>;
  drop(): void;
}

/** So much waits in memory: most downloads are smaller and never touch the disk. */
const FLUSH_AT = 256 * 1024;
const CHUNK = 256 * 1024;
const META_LIMIT_BYTES = 4096;
const READ = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
const APPEND = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * Opens what is kept of the download for a view, and removes what is kept of others. Keeping is only a help: where the disk
 * does not take it, nothing is kept, and the download goes on.
 */
export function openPart({ downloads }: Layout, digest: Digest): Part {
  const name = hexOf(digest).slice(0, 16);
  const files = { part: join(downloads, `${name}.part`), meta: join(downloads, `${name}.json`) };
  let of: Representation | undefined;
  let written = 0;
  let pending: Uint8Array[] = [];
  let waiting = 0;

  const forget = (): void => {
    of = undefined;
    written = 0;
    pending = [];
    waiting = 0;
  };
  const drop = (): void => {
    forget();
    quietly(() => removeParts(downloads, () => true));
  };
  const found = quietly(() => findPart(downloads, files));
  if (found === undefined) drop();
  else {
    ({ of, size: written } = found);
    quietly(() => removeParts(downloads, (file) => !file.startsWith(name)));
  }

  /** Says first what the part will be one of: never is a part there without it. */
  const write = (meta: Representation): void => {
    if (written === 0) {
      if (lstatSync(downloads, { throwIfNoEntry: false }) === undefined) mkdirSync(downloads, 0o700);
      if (!isDirectory(downloads)) throw new Error('it would lead elsewhere');
      writeFileSync(files.meta, JSON.stringify(meta), { flag: 'wx', mode: 0o600 });
    }
    const fd = openSync(files.part, APPEND, 0o600);
    try {
      for (const bytes of pending) {
        writeWhole(fd, bytes);
        written += bytes.length;
      }
    } finally {
      closeSync(fd);
    }
  };
  const flush = (): void => {
    if (of === undefined || waiting === 0) return;
    try {
      write(of);
      pending = [];
      waiting = 0;
    } catch {
      drop();
    }
  };

  return {
    get of() {
      return of;
    },
    get size() {
      return written + waiting;
    },
    begin(representation) {
      if (of !== undefined) drop();
      of = representation;
    },
    add(bytes) {
      if (of === undefined) return;
      pending.push(bytes);
      waiting += bytes.length;
      if (waiting >= FLUSH_AT) flush();
    },
    flush,
    *read() {
      flush();
      if (written > 0) yield* piecesOf(files.part);
    },
    drop,
  };
}

function findPart(
  downloads: string,
  files: { readonly part: string; readonly meta: string },
): { readonly of: Representation; readonly size: number } | undefined {
  if (!isDirectory(downloads)) return undefined;
  const of = parseRepresentation(readRegular(files.meta).toString('utf8'));
  const stats = lstatSync(files.part);
  if (of === undefined || !stats.isFile() || stats.size === 0 || stats.size > of.size) return undefined;
  return { of, size: stats.size };
}

function readRegular(path: string): Buffer {
  const fd = openSync(path, READ);
  try {
    const stats = fstatSync(fd);
    return stats.isFile() && stats.size <= META_LIMIT_BYTES ? readFileSync(fd) : Buffer.alloc(0);
  } finally {
    closeSync(fd);
  }
}

function* piecesOf(path: string): Generator<Uint8Array> {
  const fd = openSync(path, READ);
  try {
    for (;;) {
      const buffer = Buffer.allocUnsafe(CHUNK);
      const bytes = readSync(fd, buffer);
      if (bytes === 0) return;
      yield buffer.subarray(0, bytes);
    }
  } finally {
    closeSync(fd);
  }
}
