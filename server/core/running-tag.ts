import type { Report } from '../../protocol/assignment.ts';
import type { Digest, TagName } from '../../protocol/names.ts';

/** What is known of what a node runs. */
export interface RunningQuestion {
  /** From its last poll; null of one that does not say it. */
  readonly running: Digest | null;
  /** What it was told last. */
  readonly told: { readonly tag: TagName | 'trunk' | null; readonly digest: Digest | null } | null;
  /** Its last report. */
  readonly reported: Pick<Report, 'tag' | 'digest' | 'outcome'> | null;
}

/** With these words a node says that it runs what it reports of. */
const RUNS: ReadonlySet<Report['outcome']> = new Set(['applied', 'unchanged']);

/**
 * Under which name a node got what it runs: a digest may belong to several tags, so that what the node itself was told comes
 * first, then what it reported. `tagOf` answers a tag that somebody was told with this content. `unknown`: nobody can say.
 */
export function runningTag(
  { running, told, reported }: RunningQuestion,
  tagOf: (digest: Digest) => TagName | 'trunk' | undefined,
): TagName | 'trunk' | 'unknown' {
  const digest = running ?? (reported !== null && RUNS.has(reported.outcome) ? reported.digest : null);
  if (digest === null) return 'unknown';
  if (told?.digest === digest && told.tag !== null) return told.tag;
  if (reported?.digest === digest && reported.tag !== null) return reported.tag;
  return tagOf(digest) ?? 'unknown';
}
