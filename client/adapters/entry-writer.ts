import { createHash } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  lchownSync,
  mkdirSync,
  openSync,
  symlinkSync,
} from 'node:fs';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { BadContent, quoted } from '../core/checklist.ts';
import { type Owners, permissionsOf } from '../core/drift.ts';
import { hashOf } from './hash.ts';
import { writeWhole } from './publish.ts';
import type { WriteThread } from './write-thread.ts';

/** Writes entries of a manifest below a directory. Throws `BadContent` for what is not as the manifest says. */
export interface EntryWriter {
  /** A file that is at hand as a whole, or a link's target. */
  put(entry: ManifestEntry, content: Uint8Array): void;
  /** A file that comes in pieces. */
  open(entry: ManifestEntry): OpenEntry;
  /** A file that `create` makes at the path that it is given. */
  adopt(entry: ManifestEntry, create: (path: string) => void): void;
}

export interface OpenEntry {
  add(piece: Uint8Array): void;
  /** Nothing more comes. */
  finish(): void;
  /** Closes the file of which more was to come. */
  abandon(): void;
}

export interface Destination {
  /** Empty, and nobody else's. */
  readonly directory: string;
  /** Where small files are written meanwhile: they are there when it has finished. */
  readonly thread?: WriteThread | undefined;
  /** Who an entry is to belong to, and with undefined a directory. Default: whoever runs this. */
  readonly ownersOf?: (entry: ManifestEntry | undefined) => Owners;
}

const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const PRIVATE = 0o600;
const FOLDER = 0o755;
const NOBODY_IN_PARTICULAR: Owners = { uid: undefined, gid: undefined };

export function entryWriter(destination: Destination): EntryWriter {
  const { directory, thread, ownersOf = () => NOBODY_IN_PARTICULAR } = destination;
  // What nothing has to be changed of is created as it is to be: one call less for each of many.
  const umask = process.umask();
  const folders = foldersBelow(directory, { owners: ownersOf(undefined), umask });
  const place = ({ path }: ManifestEntry): string => {
    folders.make(folderOf(path));
    return `${directory}/${path}`;
  };
  const isPlain = (permissions: number, owners: Owners): boolean =>
    (permissions & (umask | 0o7000)) === 0 && owners.uid === undefined && owners.gid === undefined;

  /** Creates the file, for nobody else to read while it has not its owner. `seal` is called when all is written. */
  const create = (entry: ManifestEntry): { readonly fd: number; seal(): void } => {
    const path = place(entry);
    const permissions = permissionsOf(entry);
    const owners = ownersOf(entry);
    const plain = isPlain(permissions, owners);
    const fd = once(entry.path, () => openSync(path, CREATE, plain ? permissions : PRIVATE));
    const seal = (): void => {
      if (plain) return;
      // Changing the owner or the content takes away what lets others run a file as its owner.
      if (owners.uid !== undefined || owners.gid !== undefined) fchownSync(fd, ...idsOf(owners));
      fchmodSync(fd, permissions);
    };
    return { fd, seal };
  };

  return {
    put(entry, content) {
      checkHash(entry, hashOf(content));
      if (entry.mode === '120000') {
        const path = place(entry);
        once(entry.path, () => symlinkSync(Buffer.from(content), path));
        const owners = ownersOf(entry);
        if (owners.uid !== undefined || owners.gid !== undefined) lchownSync(path, ...idsOf(owners));
        return;
      }
      if (thread !== undefined && isPlain(permissionsOf(entry), ownersOf(entry))) {
        thread.write(place(entry), permissionsOf(entry), content);
        return;
      }
      const { fd, seal } = create(entry);
      try {
        writeWhole(fd, content);
        seal();
      } finally {
        closeSync(fd);
      }
    },

    open(entry) {
      const hash = createHash('sha256');
      const { fd, seal } = create(entry);
      let isOpen = true;
      const abandon = (): void => {
        if (isOpen) closeSync(fd);
        isOpen = false;
      };
      return {
        add(piece) {
          hash.update(piece);
          writeWhole(fd, piece);
        },
        finish() {
          checkHash(entry, hash.digest('hex'));
          seal();
          abandon();
        },
        abandon,
      };
    },

    adopt(entry, create) {
      const path = place(entry);
      once(entry.path, () => create(path));
      const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const owners = ownersOf(entry);
        if (owners.uid !== undefined || owners.gid !== undefined) fchownSync(fd, ...idsOf(owners));
        fchmodSync(fd, permissionsOf(entry));
      } finally {
        closeSync(fd);
      }
    },
  };
}

/** For the system, -1 leaves one of the two as it is. */
function idsOf({ uid = -1, gid = -1 }: Owners): [uid: number, gid: number] {
  return [uid, gid];
}

export function checkHash({ path, sha256 }: ManifestEntry, found: string): void {
  if (found !== sha256) throw new BadContent(`${quoted(path)} has other content than the manifest says`);
}

/** Creates something that cannot be there yet, unless the file system takes two of the manifest's names for one. */
function once<Value>(path: string, create: () => Value): Value {
  try {
    return create();
  } catch (error) {
    throw isTaken(error) ? sameName(path) : error;
  }
}

export function isTaken(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EEXIST';
}

export function sameName(path: string): BadContent {
  return new BadContent(`${quoted(path)} and another of its names are the same to this file system`);
}

/** Makes folders that we have not made yet; one that is there all the same is another name's. */
function foldersBelow(
  root: string,
  { owners, umask }: { readonly owners: Owners; readonly umask: number },
): { make(path: string): void } {
  const made = new Set(['']);
  // In a manifest's order most entries are in the folder of the one before.
  let last = '';
  const make = (path: string): void => {
    if (path === last || made.has(path)) return;
    make(folderOf(path));
    const folder = `${root}/${path}`;
    once(path, () => mkdirSync(folder, FOLDER));
    if ((umask & FOLDER) !== 0) chmodSync(folder, FOLDER);
    if (owners.uid !== undefined || owners.gid !== undefined) chownSync(folder, ...idsOf(owners));
    made.add(path);
    last = path;
  };
  return { make };
}

/** Of a path of a manifest; empty at the top. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf('/')));
}
