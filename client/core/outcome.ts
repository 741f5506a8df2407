import type { Digest, TagName } from '../../protocol/names.ts';
import { type Brake, LATER } from './answer.ts';
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
  /** Its name below releases/. */
  readonly release?: string;
  readonly startedAt?: string;
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
  /** It was the way to the servers, which says nothing about what is to be fetched. */
  readonly onTheWay?: true;
}

/** The release was not put into use, as its own hooks say. */
export interface Refused {
  readonly kind: 'refused';
  readonly tag: TagName | 'trunk';
  readonly digest: Digest;
  readonly failure: Failure;
  /** The same for the same refusal, whatever was printed. */
  readonly key: string;
}

/** The release was put into use, failed, and what was there before is in use again. */
export interface RolledBack {
  readonly kind: 'rolled-back';
  /** What failed. */
  readonly tag: TagName | 'trunk' | null;
  readonly digest: Digest | null;
  /** What is in use again; null: nothing, as before. */
  readonly to: { readonly tag: TagName | 'trunk' | null; readonly digest: Digest | null } | null;
  readonly failure: Failure;
  /** What did not succeed on the way back. */
  readonly troubles: readonly string[];
  /** Entries written or removed on the way back. */
  readonly changed: number;
  /** The report's. */
  readonly runId: string;
}

/** Somebody on the host wants nothing to be done. */
export interface Disabled {
  readonly kind: 'disabled';
  readonly message: string;
  readonly hint: string;
  /** The same for the same standstill. */
  readonly key: string;
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
      /** It is the view that is in use: this drifted. */
      readonly repairs?: readonly Drifted[];
    }
  | Brake
  | Failed
  | Refused
  | RolledBack
  | Disabled
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
    case 'refused':
    case 'rolled-back':
      return 1;
    case 'killswitch':
      return 3;
    case 'hold':
    case 'disabled':
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
      if (outcome.repairs !== undefined)
        return `would repair ${pathsOf(outcome.repairs.length)} that drifted: ${describeDrift(outcome.repairs)}`;
      return `would move to ${outcome.tag} (${shortDigest(outcome.digest)}, ${changesOf(outcome)})`;
    case 'killswitch':
      return `stopped by the killswitch: ${outcome.message.trim() === '' ? '(it has no message)' : outcome.message}`;
    case 'hold':
      return `held (${outcome.hold}): ${outcome.message.trim() === '' ? 'the server gave no reason' : outcome.message}`;
    case 'failed':
    case 'refused':
    case 'busy':
      return outcome.failure.sentence;
    case 'rolled-back':
      return [wayBackOf(outcome), ...outcome.troubles].join('\n');
    case 'disabled':
      return `disabled: ${outcome.message}`;
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
      return outcome.hold === LATER
        ? 'Nothing was changed; a later run asks again. If nothing on this host asks that often, look for who does.'
        : 'Nothing was changed. The host goes on by itself when the server has something for it.';
    case 'failed':
    case 'refused':
    case 'rolled-back':
    case 'busy':
      return outcome.failure.hint;
    case 'disabled':
      return outcome.hint;
    case 'stopped':
      return 'Nothing is left half done; the next run goes on.';
    default:
      return null;
  }
}

function wayBackOf({ tag, digest, to, failure }: RolledBack): string {
  const back = to === null ? 'nothing, as before' : nameOf(to.tag, to.digest);
  return `went back from ${nameOf(tag, digest)} to ${back}: ${failure.sentence}`;
}

/** As in `etchautotag-20261120-0800 (sha256:0123456789abcdef)`. */
export function nameOf(tag: TagName | 'trunk' | null, digest: Digest | null): string {
  if (digest === null) return tag ?? 'an unknown release';
  return tag === null ? shortDigest(digest) : `${tag} (${shortDigest(digest)})`;
}

/** The end of what a command printed; empty where none did. */
export function outputOf(outcome: Outcome): string {
  return 'failure' in outcome ? (outcome.failure.output ?? '') : '';
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
