import { comparePaths } from '../../../protocol/manifest.ts';
import type { RelativePath } from '../../../protocol/names.ts';
import { pathGlob } from '../../../protocol/path-globs.ts';
import { hooksEntry, isFor } from '../../core/deploy-hooks.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { UnfitContent } from '../../ports/content.ts';
import type { Kitchen } from './kitchen.ts';
import type { Recipe } from './recipe.ts';
import type { Site } from './site.ts';
import { openStacks, type Place, type PlannedEntry, type Rules, type SiteRules, type Stack } from './stack.ts';

interface Planning {
  readonly recipe: Recipe;
  readonly node: NodeInputs;
  readonly kitchen: Kitchen;
}

const stacksOf = new WeakMap<Site, ReturnType<typeof openStacks>>();

/** The entries of a node's view in the manifest's order. Throws `UnfitContent`, naming file, line and variable. */
export function planView(site: Site, planning: Planning): PlannedEntry[] {
  const stack = soundStack(site, planning);
  const render = renderer(site, stack, planning);
  const entries: PlannedEntry[] = [];
  for (const place of stack.places) {
    if (place.isExcluded) continue;
    entries.push(place.isTemplate ? { ...place.entry, content: { kind: 'bytes', bytes: render(place) } } : place.entry);
  }
  const hooks = hooksOf(site, planning.node, stack);
  return hooks === undefined ? entries : inserted(entries, hooks);
}

/** Throws what `planView` would throw; costs only what is different from other nodes. */
export function checkView(site: Site, planning: Planning): void {
  const stack = soundStack(site, planning);
  const render = renderer(site, stack, planning);
  for (const place of stack.templates) render(place);
}

function soundStack(site: Site, { recipe }: Planning): Stack {
  const stacks = stacksOf.get(site) ?? openStacks(rulesOf(site));
  stacksOf.set(site, stacks);
  const stack = stacks(recipe.layers);
  if (stack.flaw !== null) throw new UnfitContent(stack.flaw);
  return stack;
}

function renderer(site: Site, { templates }: Stack, { recipe, node, kitchen }: Planning): (place: Place) => Buffer {
  const scope = templates.length === 0 ? {} : kitchen.scopeFor(site, recipe, node);
  return ({ entry: { from, content } }) => {
    if (from === null || content.kind !== 'blob') throw new Error('a template that is nowhere in the repository');
    return kitchen.render(site, { path: from, blob: content.blob }, scope);
  };
}

/** Each path is looked at once, whichever nodes have it: globs would cost more than everything else. */
function rulesOf(site: Site): SiteRules {
  const rules = new Map<string, Rules>();
  const globs = new Map<string, { readonly matches: (path: string) => boolean; readonly seen: Map<string, boolean> }>();
  return {
    rulesFor(path) {
      const found = rules.get(path) ?? workOut(site, path);
      rules.set(path, found);
      return found;
    },
    fits(glob, path) {
      const known = globs.get(glob) ?? { matches: pathGlob(glob) ?? (() => false), seen: new Map() };
      globs.set(glob, known);
      const found = known.seen.get(path) ?? known.matches(path);
      known.seen.set(path, found);
      return found;
    },
  };
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

function hooksOf(site: Site, node: NodeInputs, stack: Stack): PlannedEntry | undefined {
  const { hooks, verify } = site.deploy;
  if (hooks.length === 0 && verify.length === 0) return undefined;
  const file = {
    hooks: hooks.flatMap(({ hook, where }) => (isFor(where, node) ? [hook] : [])),
    verify: verify.flatMap(({ probe, where }) => (isFor(where, node) ? [probe] : [])),
  };
  const entry = hooksEntry(file, stack.fits);
  if (entry === undefined) return undefined;
  const path = entry.path as RelativePath;
  return { path, mode: '100644', content: { kind: 'bytes', bytes: entry.bytes }, from: null };
}

function inserted(entries: readonly PlannedEntry[], entry: PlannedEntry): PlannedEntry[] {
  const at = entries.findIndex(({ path }) => comparePaths(path, entry.path) > 0);
  const index = at === -1 ? entries.length : at;
  return [...entries.slice(0, index), entry, ...entries.slice(index)];
}
