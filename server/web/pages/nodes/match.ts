import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import { FLAGS, type Flag, hasFlag, type NodesQuery, outcomeOf } from './query.ts';

/** What can be chosen from, by what a node has of it. */
const FACETS = {
  environment: (node: BriefNode) => node.environment,
  wave: (node: BriefNode) => node.wave,
  outcome: (node: BriefNode): string => outcomeOf(node),
  told: (node: BriefNode) => node.told,
  running: (node: BriefNode) => node.running,
};
export type Facet = keyof typeof FACETS;
const NAMES = Object.keys(FACETS) as readonly Facet[];

export interface Matched {
  readonly nodes: readonly BriefNode[];
  /** How many there would be with that one chosen, and the other filters as they are. */
  readonly counts: Readonly<Record<Facet, ReadonlyMap<string, number>>>;
  readonly flags: ReadonlyMap<Flag, number>;
}

/**
 * Goes once over the nodes. One that a single list leaves out still counts for the choices of that list: it would be there, if
 * that were chosen.
 */
export function match(nodes: readonly BriefNode[], query: NodesQuery): Matched {
  const searched = searcher(query.q);
  const counts = Object.fromEntries(NAMES.map((facet) => [facet, new Map<string, number>()])) as Record<
    Facet,
    Map<string, number>
  >;
  const flags = new Map<Flag, number>(FLAGS.map((flag) => [flag, 0]));
  const wanted = NAMES.map((facet) => [facet, new Set(query[facet])] as const).filter(([, words]) => words.size > 0);
  const found: BriefNode[] = [];
  for (const node of nodes) {
    if (!searched(node)) continue;
    const missed = wanted.filter(([facet, words]) => !words.has(FACETS[facet](node)));
    const flagged = [...query.flags].every((flag) => hasFlag(node, flag));
    if (!flagged || missed.length > 1) continue;
    const [only] = missed;
    if (only !== undefined) {
      count(counts[only[0]], FACETS[only[0]](node));
      continue;
    }
    found.push(node);
    for (const facet of NAMES) count(counts[facet], FACETS[facet](node));
    for (const flag of FLAGS) if (hasFlag(node, flag)) count(flags, flag);
  }
  return { nodes: found, counts, flags };
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/** Every word must be in the name; one with `*`, which stands for anything, must be all of it. */
function searcher(q: string): (node: BriefNode) => boolean {
  const words = q.toLowerCase().split(/\s+/).filter(Boolean);
  const tests = words.map((word) => {
    if (!word.includes('*')) return (name: string) => name.includes(word);
    const pattern = new RegExp(`^${word.split(/\*+/).map(escaped).join('.*')}$`);
    return (name: string) => pattern.test(name);
  });
  return ({ hostname }) => tests.every((test) => test(hostname));
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
