import { fchmodSync, fchownSync, fstatSync, type Stats, statSync } from 'node:fs';

/**
 * Gives a new file the owner, group and mode of the one that it replaces; where there is none, everybody may read it, whatever
 * the caller's umask. A caller who may not give files away keeps what they can. Throws where somebody could then no longer read it who could before: most likely the server.
 */
export function likeBefore(path: string, fd: number): void {
  const before = statSync(path, { throwIfNoEntry: false });
  const mine = fstatSync(fd);
  if (before !== undefined && (before.uid !== mine.uid || before.gid !== mine.gid)) giveBack(fd, before);
  fchmodSync(fd, before === undefined ? NEW_FILE : before.mode & 0o7777);
  const lost = before && lostReader(before, fstatSync(fd));
  if (lost !== undefined)
    throw new Error(
      `it cannot be given back to its ${lost}, who could then no longer read it: make it readable for all, or append the line with a shell`,
    );
}

function giveBack(fd: number, { uid, gid }: Stats): void {
  try {
    fchownSync(fd, uid, gid);
  } catch {
    tryToKeepGroup(fd, gid);
  }
}

function tryToKeepGroup(fd: number, gid: number): void {
  try {
    fchownSync(fd, fstatSync(fd).uid, gid);
  } catch {
    // The caller is not in that group either.
  }
}

const ROOT = 0;
const NEW_FILE = 0o644;
const OTHERS_READ = 0o004;
const GROUP_READ = 0o040;

function lostReader(before: Stats, after: Stats): string | undefined {
  if (before.mode & OTHERS_READ) return undefined;
  if (before.gid !== after.gid && before.mode & GROUP_READ) return `group (${before.gid})`;
  return before.uid !== after.uid && before.uid !== ROOT ? `owner (uid ${before.uid})` : undefined;
}
