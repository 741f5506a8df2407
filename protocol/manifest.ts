import { createHash } from 'node:crypto';
import { type Digest, parseRelativePath, type RelativePath } from './names.ts';

/** `100644` and `100755` are regular files, `120000` a symbolic link whose content is its target text. */
export type Mode = '100644' | '100755' | '120000';

export interface ManifestEntry {
  readonly path: RelativePath;
  readonly mode: Mode;
  /** Bytes of the content; for a link, of its target text. */
  readonly size: number;
  /** 64 lower-case hex digits. */
  readonly sha256: string;
  /** Four octal digits, as in `0440`, where `deploy.yml` sets them. Never of a link. */
  readonly perm?: string;
  /** Names, or numbers in digits, as the host knows them. */
  readonly owner?: string;
  readonly group?: string;
}

/** Thrown for a manifest that no view can have: the sentence names the line. */
export class BadManifest extends Error {
  override readonly name = 'BadManifest';
}

/**
 * UTF-8 byte order, which is the order of code points: JavaScript's own `<` compares UTF-16 units, of which the two halves of
 * a character above U+FFFF are not the largest. Compares without making bytes of 100,000 paths.
 */
export function comparePaths(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let index = 0; index < shared; index++) {
    const [left, right] = [a.charCodeAt(index), b.charCodeAt(index)];
    if (left !== right) return codePointRank(left) - codePointRank(right);
  }
  return a.length - b.length;
}

function codePointRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** One line of the manifest, ended by LF, keys in the order that the digest depends on. */
export function manifestLine(entry: ManifestEntry): string {
  const { path, mode, size, sha256, perm, owner, group } = entry;
  // Keys without a value are left out.
  return `${JSON.stringify({ path, mode, size, sha256, perm, owner, group })}\n`;
}

export function digestOf(manifest: Uint8Array | string): Digest {
  const hash = digestHash();
  hash.update(manifest);
  return hash.digest();
}

/** For a manifest that comes in pieces. */
export function digestHash(): { update(piece: Uint8Array | string): void; digest(): Digest } {
  const hash = createHash('sha256');
  return {
    update: (piece) => void hash.update(piece),
    digest: () => `sha256:${hash.digest('hex')}` as Digest,
  };
}

/**
 * Parses a manifest and refuses, with `BadManifest`, what a view cannot hold: a path that is absolute, has `..`, is out of
 * order or doubled, lies below another entry that is no directory, or is reserved (`.tagwave/` but for `hooks.json`).
 */
export function parseManifest(bytes: Uint8Array): ManifestEntry[] {
  const text = decode(bytes);
  if (text === '') return [];
  if (!text.endsWith('\n')) throw new BadManifest('the manifest is cut off: its last line has no line end');
  const entries = text.slice(0, -1).split('\n').map(parseLine);
  checkPaths(entries.map(({ path }) => path));
  return entries;
}

/**
 * Throws `BadManifest` for paths, in a manifest's order, that no view can have together: out of UTF-8 byte order, doubled,
 * below another path, or reserved (`.tagwave/` but for `hooks.json`).
 */
export function checkPaths(paths: readonly RelativePath[]): void {
  checkOrder(paths);
  checkNesting(paths);
  for (const path of paths) {
    if (path === '.tagwave' || (path.startsWith('.tagwave/') && path !== '.tagwave/hooks.json'))
      throw new BadManifest(`the manifest has ${JSON.stringify(path)}, and .tagwave/ is reserved`);
  }
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new BadManifest('the manifest is not UTF-8');
  }
}

/** A host parses tens of thousands of lines at a time: what only few of them need is not done for all. */
function parseLine(line: string, index: number): ManifestEntry {
  const refuse = (why: string) => new BadManifest(`line ${index + 1} of the manifest ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw refuse('is not JSON');
  }
  if (typeof value !== 'object' || value === null) throw refuse('is not an object');
  const { path, mode, size, sha256, perm, owner, group } = value as Record<string, unknown>;
  const relative = typeof path === 'string' ? parseRelativePath(path) : undefined;
  if (relative === undefined) throw refuse(`has no relative path without "." and "..": ${JSON.stringify(path)}`);
  if (mode !== '100644' && mode !== '100755' && mode !== '120000')
    throw refuse(`has the unknown mode ${JSON.stringify(mode)}`);
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) throw refuse('has no size');
  if (typeof sha256 !== 'string' || !HASH.test(sha256)) throw refuse('has no sha256');
  if (perm === undefined && owner === undefined && group === undefined) return { path: relative, mode, size, sha256 };
  if (perm !== undefined && (!isPerm(perm) || mode === '120000'))
    throw refuse(`has the perm ${JSON.stringify(perm)}, and four octal digits of a file are expected`);
  for (const name of [owner, group])
    if (name !== undefined && !isAccountName(name))
      throw refuse(`has ${JSON.stringify(name)}, which no user or group is called`);
  return { path: relative, mode, size, sha256, ...given({ perm, owner, group }) };
}

const HASH = /^[0-9a-f]{64}$/;

/** Four octal digits. */
export function isPerm(value: unknown): value is string {
  return typeof value === 'string' && /^[0-7]{4}$/.test(value);
}

/** What a user or group may be called, or its number. */
export function isAccountName(value: unknown): value is string {
  return typeof value === 'string' && /^(?:[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?|0|[1-9]\d{0,9})$/.test(value);
}

function given(attributes: { perm: unknown; owner: unknown; group: unknown }): Partial<ManifestEntry> {
  return Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== undefined));
}

function checkOrder(paths: readonly RelativePath[]): void {
  let before: RelativePath | undefined;
  for (const [index, path] of paths.entries()) {
    if (before !== undefined && comparePaths(before, path) >= 0)
      throw new BadManifest(`line ${index + 1} of the manifest is doubled or out of order: ${JSON.stringify(path)}`);
    before = path;
  }
}

function checkNesting(paths: readonly RelativePath[]): void {
  const taken = new Set<string>(paths);
  let checked = '';
  for (const path of paths) {
    const directory = path.slice(0, path.lastIndexOf('/') + 1);
    if (directory === checked) continue;
    checked = directory;
    for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
      if (!taken.has(path.slice(0, slash))) continue;
      throw new BadManifest(
        `the manifest has ${JSON.stringify(path)} below ${JSON.stringify(path.slice(0, slash))}, which is no directory`,
      );
    }
  }
}
