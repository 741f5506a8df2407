import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Hostname, ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { UnfitContent } from '../../ports/content.ts';
import type { Repository } from '../../ports/repository.ts';
import { singleFlight } from './flight.ts';
import { type Kitchen, openKitchen } from './kitchen.ts';
import { checkView, planView } from './plan.ts';
import { recentOnes } from './recent.ts';
import { declaredFacts, type Recipe, recipeOf } from './recipe.ts';
import { deployTextOf, readSite, type Site } from './site.ts';
import type { PlannedEntry } from './stack.ts';
import { openSums } from './sums.ts';
import type { Flaws } from './verdict.ts';

export type Contents = Pick<Repository, 'entries' | 'blobs' | 'file'>;

interface Parts {
  readonly root: string;
  readonly repository: Contents;
  /** Called for each template that is really rendered. */
  readonly onRender?: (path: string) => void;
}

/** A tree as one node sees it. */
export interface Sight {
  readonly site: Site;
  readonly recipe: Recipe;
  /** With the facts only that the tree lets count. */
  readonly node: NodeInputs;
}

interface Inspection {
  readonly nodes: Iterable<NodeInputs>;
  /** Also the templates and vars that none of the nodes has. */
  readonly everyFile: boolean;
  /** Whether a view with this key was made before. */
  readonly isKnown: (key: string) => Promise<boolean>;
  /** Called for each that is sound and was not known. */
  readonly onNew?: (sight: Sight) => void;
}

/** What was found out of a tree: null = its only view is the whole of it. */
type Found = { readonly site: Site | null } | { readonly flaw: string };

/** Entries of all trees that are held in memory together. */
const MOST_ENTRIES = 400_000;
const MOST_TREES = 5_000;
const MOST_SOUND = 100_000;
/** So many nodes are looked at before others get their turn, unless something had to be made for one. */
const NODES_AT_ONCE = 20;
/** Of a tree that so many nodes cannot have it is known by then what is wrong: some flaws take long to find. */
const MOST_UNFIT = 50;
const NOT_LOOKED_AT = 'the other nodes were not looked at any more';

/** Whether so much is wrong that nobody need look further; then says so. */
export function isEnough(flaws: Flaws): boolean {
  if ([...flaws.values()].reduce((total, who) => total + who.length, 0) < MOST_UNFIT) return false;
  flaws.set(NOT_LOOKED_AT, []);
  return true;
}

/** What trees with a `deploy.yml` have for nodes. */
export function openNodes({ root, repository, onRender }: Parts) {
  const kitchen = openKitchen(onRender);
  const sites = recentOnes<Site>(MOST_ENTRIES);
  /** Outlives the site: the facts that a tree lets count, null for a plain tree, or what is wrong with its `deploy.yml`. */
  const kinds = recentOnes<readonly string[] | null | { readonly flaw: string }>(MOST_TREES);
  const sound = recentOnes<true>(MOST_SOUND);
  const reading = singleFlight<Found>();

  async function siteOf(tree: ObjectId): Promise<Site | null> {
    const kind = kinds.get(tree);
    if (kind === null) return null;
    if (kind !== undefined && 'flaw' in kind) throw new UnfitContent(kind.flaw);
    const known = sites.get(tree);
    if (known !== undefined) return known;
    const found = await reading(tree, () => read(tree));
    if ('flaw' in found) throw new UnfitContent(found.flaw);
    return found.site;
  }

  async function read(tree: ObjectId): Promise<Found> {
    try {
      const text = await deployTextOf(tree, repository);
      const site = text === undefined ? null : await readWith(text, tree);
      kinds.set(tree, site === null ? null : site.deploy.facts);
      if (site !== null) sites.set(tree, site, site.weight);
      return { site };
    } catch (error) {
      if (!(error instanceof UnfitContent)) throw error;
      kinds.set(tree, { flaw: error.message });
      return { flaw: error.message };
    }
  }

  async function readWith(text: Buffer, tree: ObjectId): Promise<Site> {
    const sums = openSums(join(root, 'blobs.sqlite'));
    try {
      return await readSite(tree, text, { repository, sums, before: sites.values() });
    } finally {
      sums.close();
    }
  }

  async function factsOf(tree: ObjectId): Promise<readonly string[] | null> {
    const kind = kinds.get(tree);
    if (kind === undefined || (kind !== null && 'flaw' in kind)) return (await siteOf(tree))?.deploy.facts ?? null;
    return kind;
  }

  async function sightOf(tree: ObjectId, node: NodeInputs): Promise<Sight | null> {
    const site = await siteOf(tree);
    return site === null ? null : sightIn(site, node);
  }

  function sightIn(site: Site, given: NodeInputs): Sight {
    const node = { ...given, facts: declaredFacts(site.deploy.facts, given) };
    return { site, recipe: recipeOf(site, node, kitchen), node };
  }

  function plan({ site, recipe, node }: Sight): PlannedEntry[] {
    const entries = planView(site, { recipe, node, kitchen });
    sound.set(recipe.key, true);
    return entries;
  }

  return {
    factsOf,
    sightOf,
    plan,

    /**
     * Everything that is wrong with a tree for these nodes, by sentence: who would meet it. Null for a plain tree.
     */
    async flaws(tree: ObjectId, { nodes, everyFile, isKnown, onNew }: Inspection): Promise<Flaws | null> {
      const site = await siteOf(tree);
      if (site === null) return null;
      const flaws: Flaws = new Map();
      const attempt = async (act: () => unknown, hostname?: Hostname) => {
        const sentence = await flawOf(act);
        if (sentence === undefined) return;
        const who = flaws.get(sentence) ?? [];
        if (hostname !== undefined) who.push(hostname);
        flaws.set(sentence, who);
      };
      if (everyFile) await readEveryFile(site, kitchen, attempt);
      let turn = 0;
      for (const node of nodes) {
        if (++turn % NODES_AT_ONCE === 0) await setImmediate();
        if (isEnough(flaws)) break;
        const look = async () => {
          const sight = sightIn(site, node);
          if (sound.get(sight.recipe.key) || (await isKnown(sight.recipe.key))) return;
          await setImmediate();
          checkView(sight.site, { ...sight, kitchen });
          sound.set(sight.recipe.key, true);
          onNew?.(sight);
        };
        await attempt(look, node.hostname as Hostname);
      }
      return flaws;
    },
  };
}

export type Nodes = ReturnType<typeof openNodes>;

/** Also what no node uses that is known yet. */
async function readEveryFile(
  site: Site,
  kitchen: Kitchen,
  attempt: (act: () => unknown) => Promise<void>,
): Promise<void> {
  let turn = 0;
  for (const { path, blob } of site.templates) {
    if (++turn % NODES_AT_ONCE === 0) await setImmediate();
    await attempt(() => kitchen.templateAt(site, path, blob));
  }
  for (const [path, blob] of site.varsFiles) {
    if (++turn % NODES_AT_ONCE === 0) await setImmediate();
    await attempt(() => kitchen.varsAt(site, path, blob));
  }
}

async function flawOf(act: () => unknown): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    if (error instanceof UnfitContent) return error.message;
    throw error;
  }
}
