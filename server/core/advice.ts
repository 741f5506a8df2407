import type { TagName } from '../../protocol/names.ts';
import { count } from './wording.ts';

/** How many files differ, by how they do. */
export interface ChangeCounts {
  readonly added: number;
  readonly modified: number;
  readonly deleted: number;
  readonly renamed: number;
  readonly type: number;
}

/** A wave that a `badfwd` sends on. */
export interface SentOn {
  readonly wave: string;
  readonly tag: TagName;
  /** The tag holds the very content of one that is to be marked. */
  readonly isSameContent: boolean;
}

export interface AdviceQuestion {
  /** What is proposed. */
  readonly state: 'bad' | 'badfwd';
  /** The tags that are to be marked, oldest first. */
  readonly tags: readonly TagName[];
  /** The newest tag before them that is fine; null where there is none. */
  readonly before: TagName | null;
  /** What each of the marked tags differs in from `before`; empty where that is not known. */
  readonly changes: readonly ChangeCounts[];
  /** Waves that the proposal leaves nothing newer to go to. */
  readonly holding: readonly string[];
  readonly sentOn: readonly SentOn[];
}

export interface Advice {
  /** What fits. */
  readonly state: 'bad' | 'badfwd';
  readonly sentences: readonly string[];
}

/**
 * Whether `bad` or `badfwd` fits. Who goes back from a change that only added files keeps those files, unless it uses
 * Tagwave's own client: such a host is put right only by a newer tag. Anything else is undone by going back. Null where
 * nothing speaks for one of them.
 */
export function adviseMark(question: AdviceQuestion): Advice | null {
  const fits = whatFits(question);
  const warnings = question.state === 'badfwd' ? forwardWarnings(question) : [];
  if (fits === null) return warnings.length === 0 ? null : { state: 'bad', sentences: warnings };
  const contrary = fits.state === question.state ? [] : [`${fits.state} fits better than ${question.state} here.`];
  return { state: fits.state, sentences: [...contrary, fits.sentence, ...warnings] };
}

function whatFits({ before, changes }: AdviceQuestion): { state: Advice['state']; sentence: string } | null {
  if (before === null || changes.length === 0) return null;
  const [added, other] = [most(changes, (one) => one.added), most(changes, othersIn)];
  if (added + other === 0)
    return { state: 'bad', sentence: `They hold the same files as ${before}: going back changes nothing on any host.` };
  if (other === 0) return { state: 'badfwd', sentence: onlyAdds(before, added) };
  const left =
    added === 0
      ? ''
      : ` ${count(added, 'file')} that it added stay on hosts that do not use Tagwave's own client, which removes them.`;
  return {
    state: 'bad',
    sentence: `It changes ${count(other, 'file')} that ${before} has, too: going back puts those right.${left}`,
  };
}

function onlyAdds(before: TagName, added: number): string {
  const what = added === 1 ? 'file, which' : 'files, which';
  return (
    `It only adds ${added} ${what} ${before} does not have: going back to it leaves ${added === 1 ? 'it' : 'them'} in place on hosts that do not use ` +
    `Tagwave's own client. badfwd sends everyone on to the next tag, once the fix is in it.`
  );
}

function othersIn({ modified, deleted, renamed, type }: ChangeCounts): number {
  return modified + deleted + renamed + type;
}

function most(changes: readonly ChangeCounts[], of: (one: ChangeCounts) => number): number {
  return Math.max(...changes.map(of));
}

function forwardWarnings({ holding, sentOn, tags }: AdviceQuestion): string[] {
  const unfixed = sentOn.filter((one) => one.isSameContent);
  const fixed = sentOn.filter((one) => !one.isSameContent);
  return [
    ...(holding.length === 0
      ? []
      : [
          `There is no newer tag to go to yet: ${holding.join(', ')} would hold (hold no-newer-tag) until there is one. Keep the killswitch until the fix is in a tag.`,
        ]),
    ...[...new Set(unfixed.map(({ tag }) => tag))].map(
      (tag) =>
        `${tag} holds the same files as ${tags.at(-1)}, so the fix is not in it, and badfwd would send ${wavesTo(unfixed, tag)} there. Mark it, too, or wait for the fix.`,
    ),
    ...[...new Set(fixed.map(({ tag }) => tag))].map(
      (tag) => `badfwd sends ${wavesTo(fixed, tag)} to ${tag} at once: make sure that the fix is in it.`,
    ),
  ];
}

function wavesTo(sent: readonly SentOn[], tag: TagName): string {
  return sent
    .filter((one) => one.tag === tag)
    .map(({ wave }) => wave)
    .join(', ');
}
