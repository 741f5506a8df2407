import { comparePaths } from '../../../protocol/manifest.ts';
import type { RelativePath } from '../../../protocol/names.ts';
import { parentsOf } from '../../core/layers.ts';
import type { ViewEntry } from './contents.ts';
import { pathIn } from './kitchen.ts';
import { type Recent, recentOnes } from './recent.ts';
import type { Slice } from './site.ts';

/** An entry of a view, and the path in the repository that it comes from; null for what is made from `deploy.yml`. */
export interface PlannedEntry extends ViewEntry {
  readonly from: string | null;
}

/** Where an entry of a layer ends up. The same object for all nodes that have it. */
export interface Place {
  readonly path: RelativePath;
  /** Of a template, before it is rendered. */
  readonly entry: PlannedEntry;
  readonly isTemplate: boolean;
  /** The site leaves it out. */
  readonly isExcluded: boolean;
  /** Why no view can have it. */
  readonly flaw: string | null;
}

/** Layers of a site on top of each other: the same for all nodes that have the same ones. */
export interface Stack {
  /** In the manifest's order, also what the site leaves out. */
  readonly places: readonly Place[];
  /** Of what is left. */
  readonly templates: readonly Place[];
  readonly flaw: string | null;
  /** Whether a path that is left fits; asked once for each glob. */
  fits(glob: string): boolean;
}

/** What the site says of a path. */
export interface Rules {
  readonly excluded: boolean;
  readonly attributes: Pick<ViewEntry, 'perm' | 'owner' | 'group'>;
}

export interface SiteRules {
  rulesFor(path: string): Rules;
  fits(glob: string, path: string): boolean;
}

/** Entries in all stacks of a site that are held together. */
const MOST_PLACES = 1_000_000;
const OVERHEAD = 50;

const EMPTY: Stack = {
  places: [],
  templates: [],
  flaw: null,
  fits: () => false,
};

/**
 * Puts a site's layers on top of each other, each pile once: whoever has one layer more than others pays for that one. A later
 * layer wins; where it has a file in the place of a directory, or a directory in the place of a file, it wins whole.
 */
export function openStacks(rules: SiteRules): (layers: readonly Slice[]) => Stack {
  const known: Recent<Stack> = recentOnes(MOST_PLACES);
  const placed = new WeakMap<Slice, readonly Place[]>();

  function placesOf(slice: Slice): readonly Place[] {
    const before = placed.get(slice);
    if (before !== undefined) return before;
    const places = slice.layer.placed
      .map(({ path, entry, isTemplate }): Place => {
        const from = pathIn(slice, entry.path);
        const { excluded, attributes: all } = rules.rulesFor(path);
        const { perm: _, ...ofLinks } = all;
        const attributes = entry.isLink ? ofLinks : all;
        const planned = {
          path,
          mode: entry.mode,
          ...attributes,
          content: { kind: 'blob', blob: entry.blob },
          from,
        } as const;
        return { path, entry: planned, isTemplate, isExcluded: excluded, flaw: flawOf(path, from) };
      })
      .sort((a, b) => comparePaths(a.path, b.path));
    placed.set(slice, places);
    return places;
  }

  function pile(base: Stack, slice: Slice): Stack {
    const fresh = placesOf(slice);
    const gone = goneFrom(base.places, slice, fresh);
    const places = merged(base.places, gone, fresh);
    const kept = places.filter((place) => !place.isExcluded && (place.isTemplate || place.flaw !== null));
    const globs = new Map<string, boolean>();
    const fitsIn = (glob: string, some: readonly Place[]): boolean =>
      some.some((place) => !place.isExcluded && rules.fits(glob, place.path));
    const look = (glob: string): boolean => {
      if (!base.fits(glob)) return fitsIn(glob, fresh);
      return gone.size === 0 || fitsIn(glob, places);
    };
    return {
      places,
      templates: kept.filter(({ isTemplate }) => isTemplate),
      flaw: kept.find(({ flaw }) => flaw !== null)?.flaw ?? null,
      fits(glob) {
        const found = globs.get(glob) ?? look(glob);
        globs.set(glob, found);
        return found;
      },
    };
  }

  function stackOf(layers: readonly Slice[]): Stack {
    const top = layers.at(-1);
    if (top === undefined) return EMPTY;
    const key = layers.map(({ name }) => name).join('\n');
    const before = known.get(key);
    if (before !== undefined) return before;
    const made = pile(stackOf(layers.slice(0, -1)), top);
    known.set(key, made, made.places.length + OVERHEAD);
    return made;
  }

  return stackOf;
}

function flawOf(path: string, from: string): string | null {
  const isReserved = path === '.tagwave' || path.startsWith('.tagwave/');
  return isReserved ? `${from} would be ${path}, and .tagwave/ is reserved: rename it` : null;
}

/** What a layer removes of those below it: what it names, what it replaces, and what cannot be beside what it has. */
function goneFrom(below: readonly Place[], { layer }: Slice, fresh: readonly Place[]): ReadonlySet<number> {
  const gone = new Set<number>();
  const looked = new Set<string>();
  if (below.length === 0) return gone;
  const remove = (path: string): void => {
    const index = firstFrom(below, path);
    if (below[index]?.path === path) gone.add(index);
  };
  const removeTree = (path: string): void => {
    remove(path);
    const inside = `${path}/`;
    for (let index = firstFrom(below, inside); below[index]?.path.startsWith(inside) === true; index++) gone.add(index);
  };
  for (const path of layer.whiteouts) removeTree(path);
  for (const { path } of fresh) {
    removeTree(path);
    for (const above of parentsOf(path)) {
      if (looked.has(above)) continue;
      looked.add(above);
      remove(above);
    }
  }
  return gone;
}

function merged(below: readonly Place[], gone: ReadonlySet<number>, fresh: readonly Place[]): Place[] {
  const places: Place[] = [];
  let at = 0;
  const takeTo = (end: number): void => {
    for (; at < end; at++) {
      const place = below[at];
      if (place !== undefined && !gone.has(at)) places.push(place);
    }
  };
  for (const place of fresh) {
    takeTo(firstFrom(below, place.path));
    places.push(place);
  }
  takeTo(below.length);
  return places;
}

/** The first that is not before a path. */
function firstFrom(places: readonly Place[], path: string): number {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (comparePaths(places[middle]?.path ?? '', path) < 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
