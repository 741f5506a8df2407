import type { Context } from './context.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Drops reports, events and nodes older than the settings keep them, and the runs of tags that no wave looks back to. */
export async function pruneHistory(context: Context): Promise<void> {
  const state = context.desk.look();
  if (state.kind !== 'ready') return;
  const { store, fleet } = state.controls.settings;
  const hours = state.controls.schedule.waves.map((wave) => Math.max(wave.hours, wave.lookbackHours));
  const now = context.time.now();
  const nodes = now - Math.max(fleet.forgetAfterDays, store.reportDays) * DAY_MS;
  context.fleet.forget(nodes);
  await context.store.prune({
    at: now,
    reports: now - store.reportDays * DAY_MS,
    events: now - store.eventDays * DAY_MS,
    nodes,
    runs: now - DAY_MS - Math.max(...hours) * HOUR_MS,
  });
}
