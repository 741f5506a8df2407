import type { NodeRecord, ShownReport } from '../../protocol/api/nodes.ts';
import type { Hostname } from '../../protocol/names.ts';
import { pinOf } from '../core/pins.ts';
import type { World } from '../core/world.ts';
import type { Store, Told } from '../ports/store.ts';
import { briefIn, runsNow } from './brief-nodes.ts';
import type { Context } from './context.ts';
import { dueIn } from './due.ts';
import { toldAnswer } from './overview.ts';
import { type NotReady, worldNow } from './world.ts';

const REPORTS = 50;
const HISTORY = 100;

/** All that is known of one node; undefined of one that never asked, nor reported anything. Rejects where the history cannot be read. */
export async function nodeRecord(context: Context, hostname: Hostname): Promise<NodeRecord | undefined | NotReady> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const { world, controls } = ready;
  await context.fleet.flush();
  const { store } = context;
  const [row, reports, history] = await Promise.all([
    store.node(hostname),
    store.reports(hostname, REPORTS),
    store.toldHistory(hostname, HISTORY),
  ]);
  if (row === undefined) return undefined;
  const silentSince = world.now - controls.settings.fleet.silentAfterMinutes * 60_000;
  const [node] = await (await briefIn(context, world, silentSince))([row]);
  if (node === undefined) return undefined;
  return {
    node,
    groups: [...dueIn(context, world)(row).placed.groups],
    firstSeen: time(row.firstSeen),
    polls: row.polls,
    digest: runsNow(row),
    facts: { ...row.lastReport?.facts },
    pin: shownPin(world, hostname),
    reports: reports.map(shownReport),
    history: history.map(shownTold),
  };
}

function shownPin(world: World, hostname: Hostname): NodeRecord['pin'] {
  const pin = pinOf(world, hostname);
  if (pin === undefined || pin.kind === 'bad') return null;
  const { host, tag, until, reason, file, line } = pin;
  return { host, tag, until: until === null ? null : time(until), reason, file, line };
}

function shownReport(report: Awaited<ReturnType<Store['reports']>>[number]): ShownReport {
  const { runId, tag, digest, outcome, startedAt, receivedAt, durationMs, changed, error, drifted } = report;
  const { clientVersion = null } = report;
  return {
    runId,
    tag,
    digest,
    outcome,
    startedAt,
    receivedAt: time(receivedAt),
    durationMs,
    changed,
    error: error ?? null,
    drifted: drifted ?? null,
    clientVersion,
  };
}

function shownTold(told: Told): NodeRecord['history'][number] {
  return { at: time(told.at), answer: toldAnswer({ told }), wave: told.wave, reasons: [...told.reasons] };
}

function time(at: number): string {
  return new Date(at).toISOString();
}
