import type { MessagePort } from 'node:worker_threads';

/** What can be asked of a thread, by name: what goes in and comes out is copied, so it is plain data. */
export type Jobs<Work> = Readonly<Record<keyof Work, (...given: never[]) => unknown>>;

/** One call. A session is what one caller has opened: calls of several go through the same thread. */
export interface Ask {
  readonly kind: 'ask' | 'close';
  readonly id: number;
  readonly session: number;
  readonly job: string;
  readonly given: readonly unknown[];
}

export type ToThread =
  | Ask
  | { readonly kind: 'open'; readonly session: number; readonly setting: unknown }
  | { readonly kind: 'ping'; readonly port: MessagePort };

/** What of an error can be copied. */
export interface Failure {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly code?: string;
  readonly syscall?: string;
  readonly path?: string;
}

export type FromThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failure'; readonly id: number; readonly failure: Failure };
