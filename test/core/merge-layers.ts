import { comparePaths } from '../../protocol/manifest.ts';
import type { RelativePath } from '../../protocol/names.ts';
import { type Layer, type LayerEntry, type Placing, parentsOf } from '../../server/core/layers.ts';

export interface Merged<Entry extends LayerEntry> extends Placing<Entry> {
  /** The layer's place in the list. */
  readonly layer: number;
}

/**
 * What layers on top of each other are, said plainly, all of them at once, in the manifest's order of paths. A later layer wins; where it has a file in the place
 * of a directory, or a directory in the place of a file, it wins whole.
 */
export function mergeLayers<Entry extends LayerEntry>(layers: readonly Layer<Entry>[]): Merged<Entry>[] {
  const merged = new Map<RelativePath, Merged<Entry>>();
  /** How many entries lie below a directory. */
  const below = new Map<string, number>();
  const remove = (path: RelativePath) => {
    if (!merged.delete(path)) return;
    for (const above of parentsOf(path)) below.set(above, (below.get(above) ?? 1) - 1);
  };
  const removeTree = (path: RelativePath) => {
    remove(path);
    if ((below.get(path) ?? 0) === 0) return;
    for (const other of [...merged.keys()]) if (other.startsWith(`${path}/`)) remove(other);
  };
  for (const [index, { whiteouts, placed }] of layers.entries()) {
    for (const path of whiteouts) removeTree(path);
    for (const placing of placed) {
      const { path } = placing;
      const known = merged.has(path);
      if (!known) {
        removeTree(path);
        for (const above of parentsOf(path)) {
          remove(above);
          below.set(above, (below.get(above) ?? 0) + 1);
        }
      }
      merged.set(path, { ...placing, layer: index });
    }
  }
  return [...merged.values()].sort((a, b) => comparePaths(a.path, b.path));
}
