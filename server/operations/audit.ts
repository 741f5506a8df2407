import type { EventKind } from '../core/event.ts';
import type { Actor, Context } from './context.ts';
import type { Refusal } from './refusals.ts';

/** Something about who may ask. Nothing in it is a secret: a token is named by its public id. */
export interface AccessChange {
  readonly kind: Extract<EventKind, 'token' | 'enrolment' | 'approval' | 'login'>;
  readonly actor: Actor;
  /** The token's id, the hostname, the person. */
  readonly subject: string;
  readonly before?: string | null;
  readonly after?: string | null;
  /** The reason that was given. */
  readonly why?: string | null;
  /** One sentence. */
  readonly summary: string;
}

/** Records a change of who may ask: a token made or revoked, a host that joined, was let in or turned down, a login. */
export function noteAccess(
  { journal, time }: Pick<Context, 'journal' | 'time'>,
  { kind, actor, subject, before = null, after = null, why = null, summary }: AccessChange,
): void {
  journal.add({ at: time.now(), kind, ...actor, subject, before, after, why, summary });
}

/** Records that somebody was refused (401, 403, 429); of many alike the first, and then how many there were. */
export function noteRefusal({ refusals }: Pick<Context, 'refusals'>, refusal: Refusal): void {
  refusals.note(refusal);
}
