import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Layout } from './layout.ts';

const DAY_MS = 86_400_000;

/** Removes what was kept more than a day ago: what it is the beginning of was not asked for since. */
export function removeOldParts({ downloads }: Pick<Layout, 'downloads'>, now: number): void {
  quietly(() =>
    removeParts(downloads, (file) => {
      const age = now - lstatSync(join(downloads, file)).mtimeMs;
      return age > DAY_MS || age < -DAY_MS;
    }),
  );
}

/** Only what is called as ours are: the directory may have been there before. */
export function removeParts(downloads: string, isToGo: (file: string) => boolean): void {
  if (!isDirectory(downloads)) return;
  for (const file of readdirSync(downloads))
    if (/^[0-9a-f]{16}\.(part|json)$/.test(file) && isToGo(file)) rmSync(join(downloads, file), { force: true });
}

export function isDirectory(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Undefined also where it fails: what cannot be read is not there, and what cannot be removed is in nobody's way. */
export function quietly<Value>(act: () => Value): Value | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
