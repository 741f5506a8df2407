import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Kept {
  readonly file: string;
  readonly bytes: Buffer;
}

/** Inputs that are always tried: what once went wrong, and what others have attacked parsers with. */
export function corpusOf(directory: string, name: string): Kept[] {
  const own = join(directory, name);
  const files = readdirSync(own).sort();
  return files.map((file) => ({ file, bytes: readFileSync(join(own, file)) }));
}

/** Keeps an input that something did not hold for; from here on it is always tried. Answers its path. */
export function keep(directory: string, name: string, bytes: Buffer): string {
  const own = join(directory, name);
  mkdirSync(own, { recursive: true });
  const path = join(own, `found-${createHash('sha256').update(bytes).digest('hex').slice(0, 12)}`);
  writeFileSync(path, bytes);
  return path;
}
