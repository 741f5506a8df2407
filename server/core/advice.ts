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

export interface AdviceQuestion {
  /** What is proposed. */
  readonly state: 'bad' | 'badfwd';
  /** The tags that are to be marked, oldest first; at least one. */
  readonly tags: readonly TagName[];
  /** The newest older tag that is fine; null where there is none. */
  readonly before: TagName | null;
  /** What the marked tags differ in from `before`; empty where that is not known. */
  readonly changes: readonly ChangeCounts[];
  /** Where `badfwd` leads: the next tag that is fine; null where there is none yet. */
  readonly next: { readonly tag: TagName; readonly isSameContent: boolean } | null;
  /** Waves that the proposal leaves nothing newer to go to. */
  readonly holding: readonly string[];
  /** Waves that the proposal sends on to a newer tag. */
  readonly sentOn: readonly { readonly wave: string; readonly tag: TagName }[];
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
  const fit = whatFits(question);
  if (fit === null && question.state === 'bad') return null;
  const state = fit?.state ?? question.state;
  const contrary = state === question.state ? [] : [`${state} fits better than ${question.state}.`];
  const warnings = state === 'badfwd' || question.state === 'badfwd' ? whatForwardMeans(question) : [];
  const sentences = [...contrary, ...(fit === null ? [] : [fit.sentence]), ...warnings];
  return sentences.length === 0 ? null : { state, sentences };
}

function whatFits({ tags, before, changes }: AdviceQuestion): { state: Advice['state']; sentence: string } | null {
  if (before === null || changes.length === 0) return null;
  const added = most(changes, (one) => one.added);
  const others = most(changes, ({ modified, deleted, renamed, type }) => modified + deleted + renamed + type);
  const compared = `Compared with ${before}, ${tags.length === 1 ? tags[0] : 'these tags'}`;
  const s = tags.length === 1 ? 's' : '';
  if (added + others === 0)
    return { state: 'bad', sentence: `${compared} change${s} no file: going back alters nothing on any host.` };
  if (others > 0) {
    const left = added === 0 ? '' : ` The ${count(added, 'file')} added besides ${stay(added)}.`;
    return {
      state: 'bad',
      sentence: `${compared} change${s} or remove${s} ${count(others, 'file')}: going back (bad) undoes that.${left}`,
    };
  }
  const sentence = `${compared} only add${s} ${count(added, 'file')}: after going back (bad) ${added === 1 ? 'it' : 'they'} ${stay(added)}; going on to a tag that holds the fix (badfwd) reaches every host.`;
  return { state: 'badfwd', sentence };
}

function stay(files: number): string {
  return `${files === 1 ? 'stays' : 'stay'} in place on hosts that do not use Tagwave's own client, which removes what a release no longer has`;
}

function most(changes: readonly ChangeCounts[], of: (one: ChangeCounts) => number): number {
  return Math.max(...changes.map(of));
}

function whatForwardMeans({ tags, next, holding, sentOn }: AdviceQuestion): string[] {
  if (next === null) {
    const who = holding.length === 0 ? 'whoever is due one of them' : holding.join(', ');
    const does = holding.length > 1 ? 'hold (hold no-newer-tag) and keep' : 'holds (hold no-newer-tag) and keeps';
    return [
      `There is no newer tag yet that could be served: with badfwd, ${who} ${does} what is there until there is one. Keep the killswitch until the fix is in a tag.`,
    ];
  }
  const waves = sentOn.map(({ wave }) => wave);
  const sends = `badfwd sends ${waves.length === 0 ? 'whoever is due one of them' : waves.join(', ')} to ${next.tag} at once`;
  return [
    next.isSameContent
      ? `${sends}, and that holds the same files as ${tags.at(-1)}: the fix is not in it. Mark it, too, and keep the killswitch until the fix is in a tag.`
      : `${sends}: make sure that the fix is in it.`,
  ];
}
