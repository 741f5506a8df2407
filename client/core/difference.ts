import { isSameEntry } from '../../protocol/delta.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';

export interface Difference {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
}

/** What is different from one view to another, by path. */
export function differenceOf(before: readonly ManifestEntry[], after: readonly ManifestEntry[]): Difference {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const entry of after) {
    const was = old.get(entry.path);
    if (was === undefined) added.push(entry.path);
    else if (!isSameEntry(was, entry)) changed.push(entry.path);
    old.delete(entry.path);
  }
  return { added, changed, removed: [...old.keys()] };
}

/** How many entries are written or removed. */
export function sizeOf({ added, changed, removed }: Difference): number {
  return added.length + changed.length + removed.length;
}
