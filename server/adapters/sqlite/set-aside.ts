import { existsSync, readdirSync, renameSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

/**
 * Renames a damaged file, with its log, to `<file>.corrupt-<time of its last change>`, so that a new one can be begun
 * and what is left of the old one can be looked at.
 */
export function setAside(file: string): void {
  const changed = statSync(file)
    .mtime.toISOString()
    .replace(/[-:]|\.\d+/g, '');
  const name = freeName(`${file}.corrupt-${changed}`);
  renameSync(file, name);
  for (const end of ['-wal', '-shm']) if (existsSync(`${file}${end}`)) renameSync(`${file}${end}`, `${name}${end}`);
}

/** The files that were set aside and are still there, oldest change first. */
export function filesSetAside(file: string): string[] {
  const start = `${basename(file)}.corrupt-`;
  try {
    return readdirSync(dirname(file))
      .filter((name) => name.startsWith(start) && !/-(wal|shm)$/.test(name))
      .sort()
      .map((name) => join(dirname(file), name));
  } catch {
    // The directory cannot be listed: then using the file fails as well, and that is told.
    return [];
  }
}

function freeName(wanted: string): string {
  let name = wanted;
  for (let count = 2; existsSync(name); count += 1) name = `${wanted}.${count}`;
  return name;
}
