import type { Report } from '../../protocol/assignment.ts';
import type { Hostname } from '../../protocol/names.ts';
import { judgePin } from '../core/pinned.ts';
import type { Context } from './context.ts';
import { noteFailureSpike } from './failure-spikes.ts';
import { haltIfReached } from './halt.ts';
import { worldNow } from './world.ts';

/** Keeps what a host says happened; durable once it is answered. The same run twice counts once. A failure may halt its tag. */
export async function report(context: Context, hostname: Hostname, given: Report): Promise<'new' | 'known'> {
  const at = context.time.now();
  const before = context.fleet.facts(hostname);
  // A report that does not speak of facts takes none back: what a host gets must not depend on who reported last.
  const said = given.facts === undefined ? { ...given, facts: { ...before } } : given;
  const countsIn = waveConcerned(context, hostname, said);
  const outcome = await context.store.recordReport(hostname, said, { at, countsIn });
  if (outcome === 'new') {
    context.fleet.noteReport(hostname, said, at);
    context.metrics.reported(context.fleet.told(hostname)?.wave ?? '', said.outcome);
    if (!sameFacts(before, said.facts ?? {})) context.changes.announce(hostname);
  }
  if (outcome === 'new' && said.outcome !== 'unchanged') {
    context.journal.add({
      at,
      kind: 'report',
      by: hostname,
      from: null,
      subject: hostname,
      before: null,
      after: said.outcome,
      why: null,
      summary: summaryOf(hostname, said),
    });
  }
  const { tag } = said;
  const isFailure = said.outcome === 'failed' || said.outcome === 'rolled-back';
  if (isFailure && countsIn !== null && tag !== null && tag !== 'trunk')
    await haltIfReached(context, { tag, wave: countsIn });
  if (isFailure && outcome === 'new' && countsIn !== null && tag !== null && tag !== 'trunk')
    await noteFailureSpike(context, { tag, wave: countsIn });
  return outcome;
}

function sameFacts(before: Readonly<Record<string, string>>, now: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(now);
  return names.length === Object.keys(before).length && names.every((name) => before[name] === now[name]);
}

/**
 * The wave in which a report counts for its tag. Null unless the tag is the one that this server told this very node last, in
 * a wave that there is: a host cannot speak of tags that are not its own, nor of trunk, one that it asked for itself, or one
 * that it is pinned to, which say nothing about the train. What goes wrong where the tag runs already is not its doing either.
 */
function waveConcerned(context: Context, hostname: Hostname, { tag, outcome }: Report): string | null {
  const told = context.fleet.told(hostname);
  if (told?.outcome !== 'serve' || told.tag === 'trunk' || told.tag !== tag) return null;
  // A server that was down for an hour is not what is wrong with the tag that all of them run.
  if (outcome !== 'applied' && context.fleet.running(hostname) === told.digest) return null;
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return told.wave;
  const wave = ready.world.schedule.waves.find(({ name }) => name === told.wave);
  if (wave === undefined) return null;
  const pinned = judgePin(ready.world, { hostname, groups: told.groups, wave }).kind === 'decided';
  return pinned ? null : told.wave;
}

function summaryOf(hostname: Hostname, { outcome, tag, changed, error }: Report): string {
  const what = `${hostname} ${outcome} ${tag ?? 'nothing'} (${changed} changed)`;
  return error === undefined || error === null || error === '' ? what : `${what}: ${error.split('\n')[0] ?? ''}`;
}
