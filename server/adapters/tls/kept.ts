import { statSync } from 'node:fs';
import type { Attempt } from '../../ports/common.ts';

/** What was last made of some files that are replaced now and then. */
export interface Kept<Value> {
  look(): void;
  /** What the files say, or why that cannot be told. */
  last(): Attempt<Value>;
}

/**
 * Reads files again once they have changed and then stayed the same from one look to the next: who replaces several does so
 * one after the other. What could not be used is read again with each look, since time or a permission may mend it.
 */
export function keepRead<Value>(paths: () => readonly string[], read: () => Attempt<Value>): Kept<Value> {
  let seen = stampOf(paths());
  let used = seen;
  let last = read();
  return {
    look() {
      const stamp = stampOf(paths());
      const isStill = stamp === seen;
      seen = stamp;
      if (!isStill || (stamp === used && last.ok)) return;
      used = stamp;
      last = read();
    },
    last: () => last,
  };
}

/** Differs as soon as a file was written, replaced, moved or touched; links are followed. */
function stampOf(paths: readonly string[]): string {
  return paths.map(stampOfFile).join('\n');
}

function stampOfFile(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch {
    return '';
  }
}
