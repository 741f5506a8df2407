import { REPORT_OUTCOMES } from '../../protocol/assignment.ts';
import { startOf } from '../../protocol/names.ts';
import type { Reading } from '../core/metrics.ts';
import type { World } from '../core/world.ts';
import { VERSION } from '../version.ts';
import type { Context } from './context.ts';
import { targetStates } from './notify.ts';
import { killswitchStatus, knownSince } from './overview.ts';
import { waveAnswer } from './preview.ts';
import { type WaveCount, waveCounts } from './wave-counts.ts';
import { type Ready, worldNow } from './world.ts';

/** What is the case now, for Prometheus. Also while nothing can be decided yet: then that is said. */
export async function readings(context: Context): Promise<Reading[]> {
  const ready = worldNow(context);
  const always: Reading[] = [
    { metric: 'tagwave_build_info', labels: { version: VERSION }, value: 1 },
    { metric: 'tagwave_ready', labels: {}, value: ready.kind === 'ready' ? 1 : 0 },
    ...problemReadings(context),
    ...pollReadings(context),
    ...queueReadings(context),
    ...processReadings(),
  ];
  if (ready.kind === 'not-ready') return always;
  context.metrics.expectReports(ready.world.schedule.waves.map(({ name }) => name));
  const [counts, stops] = await Promise.all([waveCounts(context, ready), stopReadings(context, ready)]);
  return [...always, ...tagReadings(ready.world), ...waveReadings(ready.world, counts), ...stops];
}

function problemReadings({ problems }: Context): Reading[] {
  return problems.counts().map(({ source, severity, count }) => ({
    metric: 'tagwave_problems',
    labels: { source, severity },
    value: count,
  }));
}

function pollReadings({ fleet }: Context): Reading[] {
  return Object.entries(fleet.answered()).map(([outcome, value]) => ({
    metric: 'tagwave_polls_total',
    labels: { outcome },
    value,
  }));
}

function queueReadings(context: Context): Reading[] {
  const state = context.desk.last();
  if (state.kind !== 'ready') return [];
  try {
    return targetStates(context, state.controls.settings.notify).map(({ target, queued }) => ({
      metric: 'tagwave_notifications_queued',
      labels: { target },
      value: queued,
    }));
  } catch {
    // Which is a problem, and counted as one.
    return [];
  }
}

function processReadings(): Reading[] {
  const { user, system } = process.cpuUsage();
  return [
    {
      metric: 'process_start_time_seconds',
      labels: {},
      value: performance.timeOrigin / 1000,
    },
    { metric: 'process_cpu_seconds_total', labels: {}, value: (user + system) / 1e6 },
    { metric: 'process_resident_memory_bytes', labels: {}, value: process.memoryUsage.rss() },
  ];
}

/** A tag that lies ahead is not served, and says nothing about whether tags are made. */
function tagReadings({ tags, now }: World): Reading[] {
  const all: Reading = { metric: 'tagwave_tags', labels: {}, value: tags.length };
  const newest = tags.findLast(({ hour }) => startOf(hour) <= now);
  if (newest === undefined) return [all];
  return [
    all,
    { metric: 'tagwave_newest_tag_age_seconds', labels: {}, value: (now - startOf(newest.hour)) / 1000 },
    { metric: 'tagwave_newest_tag_late', labels: {}, value: flag(newest.origin === 'late') },
    { metric: 'tagwave_newest_tag_stale', labels: {}, value: flag(newest.stale) },
    { metric: 'tagwave_newest_tag_broken', labels: {}, value: flag(newest.broken !== null) },
  ];
}

function waveReadings(world: World, counts: ReadonlyMap<string, WaveCount>): Reading[] {
  const known = world.schedule.waves.flatMap((wave): Reading[] => {
    const labels = { wave: wave.name, environment: wave.environment };
    return [
      { metric: 'tagwave_wave_lag_seconds', labels, value: wave.hours * 3600 },
      { metric: 'tagwave_wave_held', labels, value: flag(waveAnswer(world, wave).startsWith('hold')) },
      ...countReadings(labels, counts.get(wave.name)),
    ];
  });
  return [...known, ...countReadings({ wave: '', environment: '' }, counts.get(''))];
}

function countReadings(labels: { wave: string; environment: string }, count: WaveCount | undefined): Reading[] {
  if (count === undefined) return [];
  return [
    ...Object.entries(count.told).map(
      ([outcome, value]): Reading => ({ metric: 'tagwave_nodes', labels: { ...labels, outcome }, value }),
    ),
    ...REPORT_OUTCOMES.map(
      (outcome): Reading => ({
        metric: 'tagwave_nodes_reported',
        labels: { ...labels, outcome },
        value: count.reported[outcome] ?? 0,
      }),
    ),
    { metric: 'tagwave_nodes_silent', labels, value: count.silent },
    { metric: 'tagwave_nodes_behind', labels, value: count.behind },
  ];
}

/** As the killswitch for all is called beside those of environments. */
const ALL = '*';

/** A name in `killswitch.d/` that is no environment counts with the one for all, since it stops all. */
async function stopReadings(context: Context, ready: Ready): Promise<Reading[]> {
  const stands = await killswitchStatus(context, knownSince(ready));
  return [ALL, ...ready.controls.environments].flatMap((environment): Reading[] => {
    const here = stands.filter((one) => (one.stopsAll ? ALL : one.environment) === environment);
    const [told, untold] = [
      Math.max(0, ...here.map((one) => one.told)),
      Math.max(0, ...here.map((one) => one.silentCount)),
    ];
    return [
      { metric: 'tagwave_killswitch', labels: { environment }, value: flag(here.length > 0) },
      { metric: 'tagwave_killswitch_nodes', labels: { environment, state: 'told' }, value: told },
      { metric: 'tagwave_killswitch_nodes', labels: { environment, state: 'untold' }, value: untold },
    ];
  });
}

function flag(is: boolean): 0 | 1 {
  return is ? 1 : 0;
}
