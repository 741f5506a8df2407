import type { StoredEvent } from '../core/event.ts';
import { notificationOf, type Surroundings, wants } from '../core/notification.ts';
import type { Cursor, NewLetter } from '../ports/notify.ts';
import type { Context } from './context.ts';
import type { Controls } from './desk.ts';

const AT_ONCE = 200;
/** To write the outbox is to wait for the disk, with all that this process answers: not for every poll that is recorded. */
const KEPT_MS = 60_000;

/** How far the history was read without anything to tell. Who starts anew reads that once more. */
export function openReading({ clock, outbox }: Context) {
  let passed: { readonly from: Cursor; readonly to: Cursor; readonly since: number } | undefined;
  const after = (kept: Cursor): typeof passed =>
    passed?.from.id === kept.id && passed.from.at === kept.at ? passed : undefined;
  return {
    /** Null where nothing was ever read. */
    cursor(): Cursor | null {
      const kept = outbox.cursor();
      return kept && (after(kept)?.to ?? kept);
    },
    /** Whether it need not be written yet that all was read up to there. */
    pass(to: Cursor): boolean {
      const from = outbox.cursor();
      if (from === null) return false;
      const since = after(from)?.since ?? clock.monotonic();
      passed = { from, to, since };
      return clock.monotonic() - since < KEPT_MS;
    },
  };
}

interface TakingIn {
  readonly severityOf: Surroundings['severityOf'];
  readonly reading: ReturnType<typeof openReading>;
}

/** Puts what happened since the last time into the outbox, for those who want it. */
export async function takeIn(
  context: Context,
  controls: Controls,
  { severityOf, reading }: TakingIn,
): Promise<undefined> {
  const { targets, keepMessages: most } = controls.settings.notify;
  const { http } = controls.settings;
  const around: Surroundings = {
    waves: new Map(controls.schedule.waves.map(({ name, environment }) => [name, environment])),
    severityOf,
    publicUrl: http.publicUrl?.replace(/\/+$/, '') ?? null,
  };
  for (;;) {
    const events = await unseen(context, reading.cursor(), targets.length > 0);
    const last = events.at(-1);
    if (last === undefined) return undefined;
    const at = context.time.now();
    const letters = events.flatMap((event): NewLetter[] => {
      const notification = notificationOf(event, around);
      if (notification === undefined) return [];
      const text = JSON.stringify(notification);
      const wanted = targets.filter((target) => wants(target, notification));
      return wanted.map(({ name }) => ({ target: name, delivery: newDelivery(context), text, at }));
    });
    const cursor = { id: last.id, at: last.at };
    if (letters.length > 0 || !reading.pass(cursor))
      for (const target of context.outbox.put(letters, { cursor, most })) context.metrics.notified(target, 'dropped');
    if (events.length < AT_ONCE - 1) return undefined;
  }
}

/** Where nobody is to be told, or was ever before, everything up to now is past. */
async function unseen(
  { store, outbox }: Context,
  cursor: Cursor | null,
  isWanted: boolean,
): Promise<readonly StoredEvent[]> {
  if (!isWanted) {
    if (cursor !== null) outbox.clear();
    return [];
  }
  if (cursor === null) {
    const [newest] = await store.events({ limit: 1 });
    outbox.put([], { cursor: newest === undefined ? { id: 0, at: 0 } : { id: newest.id, at: newest.at }, most: 1 });
    return [];
  }
  const [first, ...rest] = await store.events({ afterId: cursor.id - 1, order: 'oldest', limit: AT_ONCE });
  if (first?.id === cursor.id && first.at === cursor.at) return rest;
  if (cursor.id === 0 && first !== undefined) return [first, ...rest];
  // The history was begun anew, or an older one was put back, or is that old that its beginning was dropped.
  return store.events({ since: cursor.at + 1, order: 'oldest', limit: AT_ONCE });
}

/** A name that no other delivery has. */
export function newDelivery({ random }: Context): string {
  return Buffer.from(random(16)).toString('hex');
}
