import { closeSync, constants, fstatSync, fsyncSync, lstatSync, openSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { parentOf } from './found.ts';

/**
 * A directory tree whose paths are reached without following a link on the way: each directory is opened from the one that
 * it is in, and a name is looked up in the directory that is open. Node has no openat(2); the kernel's own names for open
 * files do.
 */
export interface Tree {
  /** As the operator calls it. */
  readonly root: string;
  /**
   * Where a path can be reached, until much else was. Throws ENOENT or ENOTDIR unless it is in a directory that is no link;
   * its own last name may be anything.
   */
  at(path: string): string;
  /** A directory of the tree itself, `''` being the root. */
  folder(path: string): string;
  /** The file system that a directory is on. */
  deviceOf(path: string): number;
  /** What is there; undefined for nothing, also where a directory above it is none, or is a link. */
  look(path: string): Stats | undefined;
  /** Makes what was done in a directory durable. */
  sync(path: string): void;
  /** A directory is gone, and what is made there under its name is another. */
  forget(path: string): void;
  /** Does something with paths of `at`; what the file system reports then names the path that the operator knows. */
  within<Value>(act: () => Value): Value;
  close(): void;
}

const DIRECTORY = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
/** The kernel's names for open files. */
export const OPEN_FILES = '/proc/self/fd';
/** So many directories may be open; of them half are closed at once. */
const MOST = 256;

/** Throws what the file system reports, as for a root that is a link. */
export function openTree(root: string): Tree {
  const open = new Map<string, number>([['', openSync(root, DIRECTORY)]]);

  const descriptorOf = (folder: string): number => {
    const known = open.get(folder);
    if (known !== undefined) return known;
    const name = folder.slice(folder.lastIndexOf('/') + 1);
    const fd = openSync(`${OPEN_FILES}/${descriptorOf(parentOf(folder))}/${name}`, DIRECTORY);
    open.set(folder, fd);
    return fd;
  };
  const closeSome = (): void => {
    if (open.size <= MOST) return;
    for (const [folder, fd] of [...open].slice(1, MOST / 2)) {
      closeSync(fd);
      open.delete(folder);
    }
  };
  const at = (path: string): string => {
    closeSome();
    return `${OPEN_FILES}/${descriptorOf(parentOf(path))}/${path.slice(path.lastIndexOf('/') + 1)}`;
  };
  const known = (path: string): string => {
    const [, number, name = ''] = /^\/proc\/self\/fd\/(\d+)\/?(.*)$/s.exec(path) ?? [];
    const folder = [...open].find(([, fd]) => String(fd) === number)?.[0];
    return folder === undefined ? path : join(root, folder, name);
  };
  const within = <Value>(act: () => Value): Value => {
    try {
      return act();
    } catch (error) {
      if (error instanceof Error) rename(error, known);
      throw error;
    }
  };
  return {
    root,
    at: (path) => within(() => at(path)),
    folder: (path) => within(() => `${OPEN_FILES}/${descriptorOf(path)}`),
    deviceOf: (path) => within(() => fstatSync(descriptorOf(path)).dev),
    look(path) {
      try {
        return lstatSync(at(path), { throwIfNoEntry: false });
      } catch (error) {
        if (isNoDirectory(error)) return undefined;
        return within(() => {
          throw error;
        });
      }
    },
    sync: (path) => within(() => fsyncSync(descriptorOf(path))),
    forget(path) {
      for (const [folder, fd] of [...open]) {
        if (folder !== path && !folder.startsWith(`${path}/`)) continue;
        closeSync(fd);
        open.delete(folder);
      }
    },
    within,
    close() {
      for (const fd of open.values()) closeSync(fd);
      open.clear();
    },
  };
}

function isNoDirectory(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

function rename(error: NodeJS.ErrnoException & { dest?: string }, known: (path: string) => string): void {
  if (error.path !== undefined) error.path = known(error.path);
  if (error.dest !== undefined) error.dest = known(error.dest);
}
