import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import { FLAGS, hasFlag, OUTCOMES, outcomeOf, type Sort } from './query.ts';

/** `web2` before `web10`. */
const { compare } = new Intl.Collator('en', { numeric: true });

type Compare = (one: BriefNode, other: BriefNode) => number;

export interface Order {
  readonly sort: Sort;
  readonly descending: boolean;
  /** As in the schedule, by which waves and environments are put in order; any that it does not name go last. */
  readonly waves: readonly PlacedWave[];
}

export interface PlacedWave {
  readonly wave: string;
  readonly environment: string;
}

/** Those with the same go by name, always forwards. */
export function ordered(nodes: readonly BriefNode[], { sort, descending, waves }: Order): readonly BriefNode[] {
  const by = comparison(sort, waves);
  const sign = descending ? -1 : 1;
  return [...nodes].sort((one, other) => sign * by(one, other) || compare(one.hostname, other.hostname));
}

function comparison(sort: Sort, waves: readonly PlacedWave[]): Compare {
  switch (sort) {
    case 'host':
      return (one, other) => compare(one.hostname, other.hostname);
    case 'wave':
    case 'environment':
      return byPlace(
        waves.map((one) => one[sort]),
        (node) => node[sort],
      );
    case 'due':
      return (one, other) => compareText(one.due, other.due);
    case 'running':
      return (one, other) => compareText(one.running, other.running);
    case 'seen':
      return (one, other) => compareText(other.lastSeen, one.lastSeen);
    case 'outcome':
      return (one, other) => OUTCOMES.indexOf(outcomeOf(one)) - OUTCOMES.indexOf(outcomeOf(other));
    case 'state':
      return (one, other) => weight(other) - weight(one);
    default:
      return sort satisfies never;
  }
}

/** An environment comes where the first of its waves does. */
function byPlace(order: readonly string[], wordOf: (node: BriefNode) => string): Compare {
  const places = new Map([...order.entries()].reverse().map(([index, word]) => [word, index]));
  const placeOf = (word: string): number => places.get(word) ?? order.length;
  return (one, other) => placeOf(wordOf(one)) - placeOf(wordOf(other)) || compareText(wordOf(one), wordOf(other));
}

function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** What stands out most comes first: the flags are in that order. */
function weight(node: BriefNode): number {
  return FLAGS.reduce((sum, flag, index) => sum + (hasFlag(node, flag) ? 2 ** (FLAGS.length - index) : 0), 0);
}
