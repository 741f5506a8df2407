import type { Report } from '../../protocol/assignment.ts';
import type { HoldCode } from '../../protocol/errors.ts';
import type { Digest, TagName } from '../../protocol/names.ts';
import { runningTag } from './running-tag.ts';

/** What nodes were told last that are answered the same. */
export interface ToldLast {
  readonly environment: string;
  readonly wave: string;
  readonly outcome: 'serve' | 'hold' | 'killswitch';
  readonly tag: TagName | 'trunk' | null;
  readonly digest: Digest | null;
  readonly hold: HoldCode | null;
}

/** So many nodes of which the same is known. */
export interface Known {
  readonly nodes: number;
  /** Null: they were told nothing. */
  readonly told: ToldLast | null;
  readonly running: Digest | null;
  readonly reported: Pick<Report, 'tag' | 'digest' | 'outcome'> | null;
  readonly drifted: boolean;
  readonly silent: boolean;
}

/** How many nodes of a wave were told one answer and run one tag. */
export interface Whereabouts {
  /** As they were told it; empty of those that were told nothing, or whose wave could not be worked out. */
  readonly wave: string;
  readonly environment: string;
  /** A tag, `trunk`, `hold CODE`, `killswitch` or `nothing`. */
  readonly told: string;
  readonly running: TagName | 'trunk' | 'unknown';
  readonly nodes: number;
  /** Of these: reported last that they failed, rolled back or refused · differ from their release · have not been heard of. */
  readonly failing: number;
  readonly drifted: number;
  readonly silent: number;
}

const FAILURES: ReadonlySet<Report['outcome']> = new Set(['failed', 'rolled-back', 'refused']);

/** Whether a node whose last report says this needs somebody's attention. */
export function isFailure(outcome: Report['outcome']): boolean {
  return FAILURES.has(outcome);
}

/** What a node was told last, in words: a tag, `trunk`, `hold CODE`, `killswitch` or `nothing`. */
export function toldInWords(told: Pick<ToldLast, 'outcome' | 'tag' | 'hold'> | null): string {
  if (told === null) return 'nothing';
  if (told.outcome === 'serve') return told.tag ?? 'nothing';
  return told.outcome === 'hold' ? `hold ${told.hold ?? ''}` : 'killswitch';
}

/** The digests of which neither what those nodes were told nor what they reported says the tag. */
export function digestsToLookUp(known: Iterable<Known>): Set<Digest> {
  const sought = new Set<Digest>();
  for (const one of known) {
    runningTag(one, (digest) => {
      sought.add(digest);
      return undefined;
    });
  }
  return sought;
}

/** `tagOf`: a tag that somebody was told with this content. */
export function countWhereabouts(
  known: Iterable<Known>,
  tagOf: (digest: Digest) => TagName | 'trunk' | undefined,
): Whereabouts[] {
  const counts = new Map<string, Whereabouts>();
  for (const one of known) {
    const { wave, environment } = one.told ?? { wave: '', environment: '' };
    const where = { wave, environment, told: toldInWords(one.told), running: runningTag(one, tagOf) };
    const key = JSON.stringify(Object.values(where));
    const before = counts.get(key) ?? { nodes: 0, failing: 0, drifted: 0, silent: 0 };
    counts.set(key, {
      ...where,
      nodes: before.nodes + one.nodes,
      failing: before.failing + (one.reported !== null && isFailure(one.reported.outcome) ? one.nodes : 0),
      drifted: before.drifted + (one.drifted ? one.nodes : 0),
      silent: before.silent + (one.silent ? one.nodes : 0),
    });
  }
  return [...counts.values()];
}
