import type { TagName } from '../../protocol/names.ts';
import type { StoredEvent } from '../core/event.ts';
import { describeFailures, waveLabel } from '../core/halt.ts';
import { type Context, THE_SERVER } from './context.ts';
import { namesOf } from './halt.ts';
import { worldNow } from './world.ts';

/** Of which tags and waves a spike was told already. */
export interface FailureSpikes {
  readonly told: Set<string>;
}

export function openFailureSpikes(): FailureSpikes {
  return { told: new Set() };
}

const MOST_TOLD = 10_000;
const LOOK_BACK = 100;

/**
 * After a node of a wave has reported a failure of a tag that it had been told: records it, once for each tag and wave, where so
 * many nodes did so within so short a time (`notify.failure_spike_nodes`, `…_minutes`). Nothing depends on it: never rejects.
 */
export async function noteFailureSpike(context: Context, failure: { tag: TagName; wave: string }): Promise<void> {
  try {
    await judge(context, failure);
  } catch (error) {
    context.log.warn('whether failures are many cannot be found out', { tag: failure.tag, reason: String(error) });
  }
}

async function judge(context: Context, { tag, wave }: { tag: TagName; wave: string }): Promise<void> {
  const { told } = context.failureSpikes;
  const key = `${tag} ${wave}`;
  const ready = worldNow(context);
  if (ready.kind === 'not-ready' || told.has(key)) return;
  const { failureSpikeNodes: most, failureSpikeMinutes: minutes } = ready.controls.settings.notify;
  const { waves } = ready.world.schedule;
  const known = waves.find(({ name }) => name === wave);
  if (most === 0 || known === undefined) return;
  const at = ready.world.now;
  const found = (await context.store.tagFailures(tag, at - minutes * 60_000)).find((one) => one.wave === wave);
  if (found === undefined || found.failed + found.rolledBack < most || told.has(key)) return;
  told.add(key);
  for (const oldest of told) {
    if (told.size <= MOST_TOLD) break;
    told.delete(oldest);
  }
  // Another process may have told it, before this one began.
  const query = { kinds: ['failure-spike'], subject: tag, limit: LOOK_BACK } as const;
  const before = await context.store.events(query).catch((): StoredEvent[] => []);
  if (before.some(({ after }) => after === wave)) return;
  const nodes = context.fleet.countTold((one) => one.wave === wave);
  const what = describeFailures(found, { known: nodes, label: waveLabel(waves, known) });
  context.journal.add({
    at,
    kind: 'failure-spike',
    ...THE_SERVER,
    subject: tag,
    before: null,
    after: wave,
    why: namesOf(found),
    summary: `${what} with ${tag} within ${minutes} minutes`,
  });
}
