import type { Digest, TagName } from '../../protocol/names.ts';
import type { Brake } from './answer.ts';
import type { Difference } from './difference.ts';
import { type Drifted, describeDrift, pathsOf } from './drift.ts';
import type { Failure } from './failure.ts';

export interface Applied {
  readonly kind: 'applied';
  readonly tag: TagName | 'trunk';
  readonly digest: Digest;
  /** Entries written or removed. */
  readonly changed: number;
  readonly files: number;
  /** Nothing was in use before. */
  readonly isFirst: boolean;
  /** The report's. */
  readonly runId: string;
  /** It is the view that was in use: this had drifted, and is as it should be again. */
  readonly repaired?: readonly Drifted[];
}

export interface Failed {
  readonly kind: 'failed';
  readonly failure: Failure;
  /** What it was about, where that is known. */
  readonly tag?: TagName | 'trunk';
  readonly digest?: Digest;
}

/** How a run ended. */
export type Outcome =
  | Applied
  | { readonly kind: 'unchanged'; readonly tag: TagName | 'trunk' | null; readonly digest: Digest | null }
  /** Only with --dry-run. Without `difference` it is not known what is there now. */
  | {
      readonly kind: 'would-change';
      readonly tag: TagName | 'trunk';
      readonly digest: Digest;
      readonly files: number;
      readonly difference: Difference | undefined;
    }
  | Brake
  | Failed
  | { readonly kind: 'busy'; readonly failure: Failure }
  | { readonly kind: 'stopped'; readonly by: 'SIGTERM' | 'SIGINT' };

export function failedBecause(sentence: string, hint: string): Failed {
  return { kind: 'failed', failure: { sentence, hint } };
}

/** What cron and scripts go by. A signal ends with the shell's usual 128 + number. */
export function exitCodeOf(outcome: Outcome, { detailed }: { readonly detailed: boolean }): number {
  switch (outcome.kind) {
    case 'applied':
    case 'unchanged':
      return 0;
    case 'would-change':
      return detailed ? 6 : 0;
    case 'failed':
      return 1;
    case 'killswitch':
      return 3;
    case 'hold':
      return 4;
    case 'busy':
      return 5;
    case 'stopped':
      return outcome.by === 'SIGINT' ? 130 : 143;
  }
}

/** The one thing that an operator is told; null where nothing happened. */
export function sentenceOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'applied':
      if (outcome.repaired !== undefined) return repairOf(outcome.repaired);
      return `now on ${outcome.tag} (${shortDigest(outcome.digest)}, ${filesOf(outcome.changed)}${outcome.isFirst ? '' : ' changed'})`;
    case 'unchanged':
      return null;
    case 'would-change':
      return `would move to ${outcome.tag} (${shortDigest(outcome.digest)}, ${changesOf(outcome)})`;
    case 'killswitch':
      return `stopped by the killswitch: ${outcome.message.trim() === '' ? '(it has no message)' : outcome.message}`;
    case 'hold':
      return `held (${outcome.hold}): ${outcome.message.trim() === '' ? 'the server gave no reason' : outcome.message}`;
    case 'failed':
    case 'busy':
      return outcome.failure.sentence;
    case 'stopped':
      return `stopped by ${outcome.by}`;
  }
}

/** What to do next; null where there is nothing to do. */
export function hintOf(outcome: Outcome): string | null {
  switch (outcome.kind) {
    case 'killswitch':
      return 'Nothing was changed. The host goes on by itself when the killswitch is gone.';
    case 'hold':
      return 'Nothing was changed. The host goes on by itself when the server has something for it.';
    case 'failed':
    case 'busy':
      return outcome.failure.hint;
    case 'stopped':
      return 'Nothing is left half done; the next run goes on.';
    default:
      return null;
  }
}

function repairOf(repaired: readonly Drifted[]): string {
  return `repaired ${pathsOf(repaired.length)} that had drifted: ${describeDrift(repaired)}`;
}

export function shortDigest(digest: Digest): string {
  return digest.slice(0, 'sha256:'.length + 16);
}

export function filesOf(count: number): string {
  return count === 1 ? '1 file' : `${count} files`;
}

function changesOf({ difference, files }: Extract<Outcome, { kind: 'would-change' }>): string {
  if (difference === undefined) return filesOf(files);
  const { added, changed, removed } = difference;
  return `${filesOf(added.length + changed.length + removed.length)}: ${added.length} added, ${changed.length} changed, ${removed.length} removed`;
}
