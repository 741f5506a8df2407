import { createHash } from 'node:crypto';
import type { ObjectId } from '../../../protocol/names.ts';
import { isFor } from '../../core/deploy-hooks.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { expandPattern } from '../../core/placeholders.ts';
import type { Kitchen } from './kitchen.ts';
import type { Site, Slice } from './site.ts';

/** What a node's view of a tree is made from. Recipes with the same key make the same view, of whatever tree and node. */
export interface Recipe {
  readonly key: string;
  readonly layers: readonly Slice[];
  /** In the order in which they are merged. */
  readonly vars: readonly { readonly path: string; readonly blob: ObjectId }[];
}

/** Goes up when the same inputs begin to make other views. */
const EDITION = 'tagwave view 1';

/** The facts that a tree lets count. */
export function declaredFacts(facts: readonly string[], node: NodeInputs): Record<string, string> {
  return Object.fromEntries(
    facts.flatMap((name) => {
      const value = Object.hasOwn(node.facts, name) ? node.facts[name] : undefined;
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

/** Works out what a node's view is made from, without making it. `node.facts` are those that the tree lets count. */
export function recipeOf(site: Site, node: NodeInputs, kitchen: Kitchen): Recipe {
  const { deploy } = site;
  const directories = deploy.layers === null ? ['' as const] : deploy.layers.flatMap((one) => expandPattern(one, node));
  const layers = directories.flatMap((directory) => site.slice(directory) ?? []);
  const uses = layers.map((slice) => kitchen.usesOf(site, slice));
  const vars = uses.some(({ templates }) => templates > 0) ? varsOf(site, node) : [];
  const used = new Set(uses.flatMap(({ names }) => names));
  const parts = [
    EDITION,
    site.deployId,
    layers.map(({ name, id }) => [name, id]),
    vars.map(({ blob }) => blob),
    [...used].sort().map((name) => [name, nodeValue(node, name)]),
    [deploy.hooks, deploy.verify].map((all) => all.map(({ where }) => isFor(where, node))),
  ];
  return { key: createHash('sha256').update(JSON.stringify(parts)).digest('hex'), layers, vars };
}

function varsOf({ deploy, varsFiles }: Site, node: NodeInputs): Recipe['vars'] {
  return deploy.vars
    .flatMap((pattern) => expandPattern(pattern, node))
    .flatMap((path) => {
      const blob = varsFiles.get(path);
      return blob === undefined ? [] : [{ path, blob }];
    });
}

function nodeValue({ hostname, environment, groups, facts }: NodeInputs, name: string): unknown {
  if (name === 'hostname') return hostname;
  if (name === 'environment') return environment;
  if (name === 'groups') return groups;
  if (name === 'facts') return Object.entries(facts).sort();
  return facts[name.slice('facts.'.length)] ?? null;
}
