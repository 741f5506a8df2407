import type { Context } from './context.ts';

const DAY_MS = 24 * 3_600_000;

/** Drops reports, events and nodes older than the settings keep them. */
export async function pruneHistory(context: Context): Promise<void> {
  const state = context.desk.look();
  if (state.kind !== 'ready') return;
  const { store, fleet } = state.controls.settings;
  const now = context.time.now();
  await context.store.prune({
    reports: now - store.reportDays * DAY_MS,
    events: now - store.eventDays * DAY_MS,
    nodes: now - Math.max(fleet.forgetAfterDays, store.reportDays) * DAY_MS,
  });
}
