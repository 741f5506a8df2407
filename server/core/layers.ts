import { parseRelativePath, type RelativePath } from '../../protocol/names.ts';

/** An entry below a layer's directory, by its path there. */
export interface LayerEntry {
  readonly path: RelativePath;
  /** Links are never templates: their target is content. */
  readonly isLink: boolean;
}

/** What a layer does to what earlier ones have left. */
export interface Layer<Entry extends LayerEntry> {
  /** Paths (files, or directories with all below) that earlier layers lose. */
  readonly whiteouts: readonly RelativePath[];
  readonly placed: readonly Placing<Entry>[];
}

/** An entry where it ends up. */
export interface Placing<Entry extends LayerEntry> {
  readonly path: RelativePath;
  readonly entry: Entry;
  readonly isTemplate: boolean;
}

const WHITEOUT = '.wh.';
const TEMPLATE = '.liquid';

/** Reads the names in one layer. `error`: what cannot be understood, in words, by the path of the entry. */
export function readLayer<Entry extends LayerEntry>(
  entries: readonly Entry[],
): { readonly layer: Layer<Entry> } | { readonly path: RelativePath; readonly error: string } {
  const whiteouts: RelativePath[] = [];
  const placed = new Map<RelativePath, Placing<Entry>>();
  for (const entry of entries) {
    const { directory, name } = split(entry.path);
    if (name.startsWith(WHITEOUT)) {
      const gone = parseRelativePath(directory + name.slice(WHITEOUT.length));
      if (gone === undefined || name === WHITEOUT) return { path: entry.path, error: 'names nothing to remove' };
      whiteouts.push(gone);
      continue;
    }
    const isTemplate = !entry.isLink && name.endsWith(TEMPLATE) && name !== TEMPLATE;
    const path = isTemplate ? (entry.path.slice(0, -TEMPLATE.length) as RelativePath) : entry.path;
    const other = placed.get(path);
    if (other !== undefined) return { path: entry.path, error: clash(other.entry.path, path) };
    placed.set(path, { path, entry, isTemplate });
  }
  const nested = nestedIn(placed);
  if (nested !== undefined) return nested;
  return { layer: { whiteouts, placed: [...placed.values()] } };
}

function clash(other: string, path: string): string {
  return `becomes ${JSON.stringify(path)}, and so does ${JSON.stringify(other)} in the same layer: keep one of them`;
}

/** Only a template whose name becomes that of a directory can do that. */
function nestedIn<Entry extends LayerEntry>(placed: ReadonlyMap<RelativePath, Placing<Entry>>) {
  for (const { path, entry } of placed.values()) {
    for (const above of parentsOf(path)) {
      const other = placed.get(above);
      if (other !== undefined) return { path: other.entry.path, error: clash(entry.path, above) };
    }
  }
  return undefined;
}

function split(path: string): { directory: string; name: string } {
  const slash = path.lastIndexOf('/') + 1;
  return { directory: path.slice(0, slash), name: path.slice(slash) };
}

/** The directories that a path is in, the outermost first. */
export function parentsOf(path: string): RelativePath[] {
  const parents: RelativePath[] = [];
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1))
    parents.push(path.slice(0, slash) as RelativePath);
  return parents;
}
