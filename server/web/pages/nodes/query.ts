import type { BriefNode } from '../../../../protocol/api/nodes.ts';
import { joinList, splitList } from '../parts/list.ts';

export const OUTCOMES = ['failed', 'rolled-back', 'refused', 'disabled', 'applied', 'unchanged', 'none'] as const;
/** Of the last report; `none` where none came. */
export type Outcome = (typeof OUTCOMES)[number];

export const FLAGS = ['failing', 'held', 'behind', 'silent', 'drifted', 'pinned'] as const;
export type Flag = (typeof FLAGS)[number];

export const SORTS = ['host', 'environment', 'wave', 'due', 'running', 'seen', 'outcome', 'state'] as const;
export type Sort = (typeof SORTS)[number];

/** What of the fleet is shown, and how; all of it is in the URL. Within a list any will do, of the lists each must. */
export interface NodesQuery {
  readonly q: string;
  readonly environment: readonly string[];
  readonly wave: readonly string[];
  readonly outcome: readonly string[];
  /** What they were told last · what they run: tags, `trunk`, `hold CODE`, `killswitch`, `unknown`. */
  readonly told: readonly string[];
  readonly running: readonly string[];
  readonly flags: ReadonlySet<Flag>;
  readonly sort: Sort;
  readonly descending: boolean;
  /** An instant of the past (RFC 3339); null = now. */
  readonly at: string | null;
}

type Texts = Readonly<Record<string, string | undefined>>;

/** Reads `#/nodes?…`. What it does not know is left out. */
export function parseNodesQuery(query: Texts): NodesQuery {
  const sort = (query['sort'] ?? '').replace(/^-/, '');
  return {
    q: query['q'] ?? '',
    environment: splitList(query['environment']),
    wave: splitList(query['wave']),
    outcome: splitList(query['outcome']).filter((word) => OUTCOMES.some((known) => known === word)),
    told: splitList(query['told']),
    running: splitList(query['running']),
    flags: new Set(FLAGS.filter((flag) => isSet(query[flag]))),
    sort: SORTS.find((known) => known === sort) ?? 'host',
    descending: query['sort']?.startsWith('-') === true,
    at: query['at'] ?? null,
  };
}

function isSet(text: string | undefined): boolean {
  return text !== undefined && text !== '' && text !== 'no' && text !== 'false';
}

/** The other way round: what stays as it is where nothing is said is left out. */
export function nodesQueryTexts(query: Partial<NodesQuery>): Texts {
  const { q, environment, wave, outcome, told, running, flags, sort = 'host', descending = false, at } = query;
  const list = (words: readonly string[] = []): string | undefined =>
    words.length === 0 ? undefined : joinList(words);
  return {
    q: q === '' ? undefined : q,
    environment: list(environment),
    wave: list(wave),
    outcome: list(outcome),
    told: list(told),
    running: list(running),
    ...Object.fromEntries(FLAGS.map((flag) => [flag, flags?.has(flag) === true ? 'yes' : undefined])),
    sort: sort === 'host' && !descending ? undefined : `${descending ? '-' : ''}${sort}`,
    at: at ?? undefined,
  };
}

/** Whether anything is left out of what is shown. */
export function isFiltered({ q, environment, wave, outcome, told, running, flags }: NodesQuery): boolean {
  return (
    q.trim() !== '' || flags.size > 0 || [environment, wave, outcome, told, running].some(({ length }) => length > 0)
  );
}

export function outcomeOf({ outcome }: Pick<BriefNode, 'outcome'>): Outcome {
  return outcome ?? 'none';
}

export function hasFlag(node: BriefNode, flag: Flag): boolean {
  switch (flag) {
    case 'failing':
      return node.outcome === 'failed' || node.outcome === 'rolled-back' || node.outcome === 'refused';
    case 'held':
      return isStopped(node.told);
    case 'behind':
    case 'silent':
    case 'drifted':
    case 'pinned':
      return node[flag];
    default:
      return flag satisfies never;
  }
}

/** Whether an answer gives no content. */
export function isStopped(answer: string): boolean {
  return answer === 'killswitch' || answer.startsWith('hold ');
}
