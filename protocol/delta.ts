import * as z from 'zod/mini';
import type { ManifestEntry } from './manifest.ts';
import { type Digest, parseDigest, parseRelativePath, type RelativePath } from './names.ts';

/** The first entry of an archive that holds only what is different from another view. */
export const DELTA_PATH = '.tagwave-delta.json';

const digest = z.pipe(
  z.string().check(z.refine((text) => parseDigest(text) !== undefined, 'expected sha256: and 64 hex digits')),
  z.transform((text) => text as Digest),
);
const path = z.pipe(
  z.string().check(z.refine((text) => parseRelativePath(text) !== undefined, 'expected a relative path')),
  z.transform((text) => text as RelativePath),
);

/** What a delta leads from and to. `delete` are the paths, in a manifest's order, that the new view does not have. */
const deltaSchema = z.strictObject({ from: digest, to: digest, delete: z.array(path) });
export type Delta = z.infer<typeof deltaSchema>;

export function deltaBytes({ from, to, delete: gone }: Delta): Buffer {
  return Buffer.from(JSON.stringify({ from, to, delete: gone }));
}

/** Undefined for bytes that are no delta of this version. */
export function parseDelta(bytes: Uint8Array): Delta | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    const parsed = deltaSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

export interface Step {
  /** Entries of the new view that the old one does not have like that, in its order: what a delta carries. */
  readonly written: readonly ManifestEntry[];
  /** Entries of the new view that the old one has just so, attributes included. */
  readonly unchanged: readonly ManifestEntry[];
  /** Paths of the old view that the new one does not have, in its order. */
  readonly deleted: readonly RelativePath[];
}

/** What leads from one view to another. */
export function stepBetween(from: readonly ManifestEntry[], to: readonly ManifestEntry[]): Step {
  const old = new Map(from.map((entry) => [entry.path, entry]));
  const written: ManifestEntry[] = [];
  const unchanged: ManifestEntry[] = [];
  for (const entry of to) {
    const was = old.get(entry.path);
    if (was !== undefined && isSameEntry(was, entry)) unchanged.push(entry);
    else written.push(entry);
    old.delete(entry.path);
  }
  return { written, unchanged, deleted: [...old.keys()] };
}

/** Whether nothing of an entry is different. */
export function isSameEntry(a: ManifestEntry, b: ManifestEntry): boolean {
  return (
    a.path === b.path &&
    a.sha256 === b.sha256 &&
    a.mode === b.mode &&
    a.size === b.size &&
    a.perm === b.perm &&
    a.owner === b.owner &&
    a.group === b.group
  );
}

/** A view with a file of that name is never sent as a delta: nobody could tell which of the two it is. */
export function canBeDelta(to: readonly ManifestEntry[]): boolean {
  return !to.some(({ path }) => path === DELTA_PATH);
}
