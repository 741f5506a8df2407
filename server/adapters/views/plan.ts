import { comparePaths } from '../../../protocol/manifest.ts';
import type { RelativePath } from '../../../protocol/names.ts';
import { pathGlob } from '../../../protocol/path-globs.ts';
import { hooksEntry, isFor } from '../../core/deploy-hooks.ts';
import { type Merged, mergeLayers } from '../../core/layers.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { UnfitContent } from '../../ports.ts';
import type { Content, ViewEntry } from './contents.ts';
import { type Kitchen, pathIn } from './kitchen.ts';
import type { Recipe } from './recipe.ts';
import type { Site, Source } from './site.ts';

/** An entry of a view, and the path in the repository that it comes from; null for what is made from `deploy.yml`. */
export interface PlannedEntry extends ViewEntry {
  readonly from: string | null;
}

interface Rules {
  readonly excluded: boolean;
  readonly attributes: Pick<ViewEntry, 'perm' | 'owner' | 'group'>;
}

/** Looking at globs for each path of each node would cost more than everything else. */
const rulesOf = new WeakMap<Site, Map<string, Rules>>();
const globsOf = new WeakMap<Site, Map<string, Glob>>();

interface Glob {
  readonly matches: (path: string) => boolean;
  readonly seen: Map<string, boolean>;
}

/** The entries of a node's view in the manifest's order. Throws `UnfitContent`, naming file, line and variable. */
export function planView(
  site: Site,
  { recipe, node, kitchen }: { readonly recipe: Recipe; readonly node: NodeInputs; readonly kitchen: Kitchen },
): PlannedEntry[] {
  const { layers } = recipe;
  const merged = layers.length === 0 ? [] : mergeLayers(layers.map(({ layer }) => layer));
  const kept = merged.filter(({ path }) => !rulesFor(site, path).excluded);
  const scope = kept.some(({ isTemplate }) => isTemplate) ? kitchen.scopeFor(site, recipe, node) : {};
  const contentOf = (from: string, { isTemplate, entry }: Merged<Source>): Content =>
    isTemplate
      ? { kind: 'bytes', bytes: kitchen.render(site, { path: from, blob: entry.blob }, scope) }
      : { kind: 'blob', blob: entry.blob };
  const entries = kept.map((placed): PlannedEntry => {
    const { path, entry, layer } = placed;
    const slice = layers[layer];
    const from = slice === undefined ? entry.path : pathIn(slice, entry.path);
    if (path === '.tagwave' || path.startsWith('.tagwave/'))
      throw new UnfitContent(`${from} would be ${path}, and .tagwave/ is reserved: rename it`);
    const { perm: _, ...ofLinks } = rulesFor(site, path).attributes;
    const attributes = entry.isLink ? ofLinks : rulesFor(site, path).attributes;
    return { path, mode: entry.mode, ...attributes, content: contentOf(from, placed), from };
  });
  const hooks = hooksOf(site, node, entries);
  return hooks === undefined ? entries : inserted(entries, hooks);
}

function rulesFor(site: Site, path: string): Rules {
  const known = rulesOf.get(site) ?? new Map<string, Rules>();
  rulesOf.set(site, known);
  const found = known.get(path) ?? workOut(site, path);
  known.set(path, found);
  return found;
}

/** Of several rules that match, the last that says something wins, for each attribute by itself. */
function workOut({ deploy }: Site, path: string): Rules {
  const attributes: { perm?: string; owner?: string; group?: string } = {};
  for (const { matches, perm, owner, group } of deploy.files) {
    if (!matches(path)) continue;
    if (perm !== undefined) attributes.perm = perm;
    if (owner !== undefined) attributes.owner = owner;
    if (group !== undefined) attributes.group = group;
  }
  return { excluded: deploy.exclude.some((matches) => matches(path)), attributes };
}

function hooksOf(site: Site, node: NodeInputs, entries: readonly PlannedEntry[]): PlannedEntry | undefined {
  const { hooks, verify } = site.deploy;
  if (hooks.length === 0 && verify.length === 0) return undefined;
  const file = {
    hooks: hooks.flatMap(({ hook, where }) => (isFor(where, node) ? [hook] : [])),
    verify: verify.flatMap(({ probe, where }) => (isFor(where, node) ? [probe] : [])),
  };
  const entry = hooksEntry(file, (glob) => entries.some(({ path }) => matchesGlob(site, glob, path)));
  if (entry === undefined) return undefined;
  const path = entry.path as RelativePath;
  return { path, mode: '100644', content: { kind: 'bytes', bytes: entry.bytes }, from: null };
}

function matchesGlob(site: Site, glob: string, path: string): boolean {
  const globs = globsOf.get(site) ?? new Map<string, Glob>();
  globsOf.set(site, globs);
  const known = globs.get(glob) ?? { matches: pathGlob(glob) ?? (() => false), seen: new Map() };
  globs.set(glob, known);
  const found = known.seen.get(path) ?? known.matches(path);
  known.seen.set(path, found);
  return found;
}

function inserted(entries: readonly PlannedEntry[], entry: PlannedEntry): PlannedEntry[] {
  const at = entries.findIndex(({ path }) => comparePaths(path, entry.path) > 0);
  const index = at === -1 ? entries.length : at;
  return [...entries.slice(0, index), entry, ...entries.slice(index)];
}
