import type { NotifyTarget } from '../settings/settings.ts';

/** Up to which event of the history everybody has been told, or is about to be. */
export interface Cursor {
  readonly id: number;
  /** When that happened: the same id at another time is of another history. */
  readonly at: number;
}

export interface NewLetter {
  readonly target: string;
  /** Different for each. */
  readonly delivery: string;
  /** The notification as JSON. */
  readonly text: string;
  readonly at: number;
}

export interface Letter extends NewLetter {
  readonly id: number;
  /** How often it could not be delivered. */
  readonly failures: number;
  /** Not to be tried before. */
  readonly nextAt: number;
  readonly lastError: string | null;
}

/** How it stands with one target. */
export interface TargetState {
  readonly target: string;
  readonly queued: number;
  /** The one that has waited longest. */
  readonly first: Letter | null;
  readonly deliveredAt: number | null;
  /** How many were given up since everything was delivered last. */
  readonly dropped: number;
}

/** What is to be delivered, kept where it survives the process. Every call may throw. */
export interface Outbox {
  /** Null where nothing was ever taken. */
  cursor(): Cursor | null;
  /**
   * Takes letters and moves the cursor in one step; keeps at most so many a target. Answers whose oldest were given up, one
   * entry for each.
   */
  put(letters: readonly NewLetter[], to: { readonly cursor: Cursor; readonly most: number }): string[];
  /** The oldest of a target. */
  first(target: string): Letter | undefined;
  delivered(letter: Letter, at: number): void;
  failed(letter: Letter, how: { readonly error: string; readonly nextAt: number }): void;
  /** Gives up what is older; answers whose, one entry for each. */
  expire(before: number): string[];
  /** Drops what waits for targets that are no more. */
  keepOnly(targets: readonly string[]): void;
  states(): TargetState[];
  /** Forgets everything: what happens from the next call on is new. */
  clear(): void;
  close(): void;
}

export type Sent =
  | { readonly ok: true; readonly status: number }
  /** `sentence` names no path and no secret. */
  | { readonly ok: false; readonly sentence: string; readonly retryAfterMs: number | null };

export interface Parcel {
  readonly delivery: string;
  readonly body: string;
  /** Milliseconds since 1970: of this attempt. */
  readonly at: number;
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** Brings notifications to their targets. Never rejects. */
export interface Courier {
  send(target: NotifyTarget, parcel: Parcel): Promise<Sent>;
}
