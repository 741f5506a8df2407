import type { TagName } from '../../protocol/names.ts';
import type { StoredEvent } from '../core/event.ts';
import { count } from '../core/wording.ts';
import { type Context, THE_SERVER } from './context.ts';
import { waveCounts } from './wave-counts.ts';
import { worldNow } from './world.ts';

/** Which tag each wave was last found to run, all of it. */
export interface WaveArrivals {
  /** By wave; undefined until it was looked up. */
  known: Map<string, string> | undefined;
  /** `fleet.stirred()` when was looked last, and when and for how long that was, in milliseconds. */
  last: { readonly stirred: number; readonly at: number; readonly took: number };
  /** Two looks at once would each tell the same. */
  isLooking: boolean;
}

export function openWaveArrivals(): WaveArrivals {
  return { known: undefined, last: { stirred: -1, at: Number.NEGATIVE_INFINITY, took: 0 }, isLooking: false };
}

/** A look at a large fleet takes milliseconds: it is no more than a fiftieth of the time. */
const SHARE = 50;
/** Nodes that fall silent are not waited for any more, which nothing tells but the time. */
const ANYWAY_MS = 60_000;
const LOOK_BACK = 1_000;

/**
 * Records when all nodes of a wave, but for the silent and the pinned, have come to run another commit than before. Called every
 * second.
 */
export async function noteArrivals(context: Context): Promise<void> {
  const { waveArrivals: state } = context;
  if (state.isLooking) return;
  state.isLooking = true;
  try {
    await look(context);
  } finally {
    state.isLooking = false;
  }
}

async function look(context: Context): Promise<void> {
  const { waveArrivals: state, fleet, clock } = context;
  const stirred = fleet.stirred();
  const at = clock.monotonic();
  const pause = stirred === state.last.stirred ? ANYWAY_MS : state.last.took * SHARE;
  if (at - state.last.at < pause) return;
  state.last = { stirred, at, took: 0 };
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return;
  const began = performance.now();
  const counts = await waveCounts(context, ready);
  state.last = { stirred, at, took: performance.now() - began };
  const known = await knownArrivals(context);
  for (const { name } of ready.world.schedule.waves) {
    const found = counts.get(name);
    const tag = found?.runs ?? null;
    if (found === undefined || tag === null || tag === 'trunk' || known.get(name) === tag) continue;
    const before = known.get(name) ?? null;
    known.set(name, tag);
    if (!isOther(context, before, tag)) continue;
    const { subject } = context.shelf.current().byName.get(tag) ?? { subject: '' };
    context.journal.add({
      at: ready.world.now,
      kind: 'wave-arrived',
      ...THE_SERVER,
      subject: name,
      before,
      after: tag,
      why: null,
      summary: `all of ${name} (${count(found.riding, 'node')}) runs ${tag}${subject === '' ? '' : `: ${subject}`}`,
    });
  }
}

/** An hour without a commit is no news. */
function isOther({ shelf }: Context, before: string | null, tag: TagName): boolean {
  const { byName } = shelf.current();
  const [old, now] = [before === null ? undefined : byName.get(before as TagName), byName.get(tag)];
  return now !== undefined && old?.commit !== now.commit;
}

async function knownArrivals({ waveArrivals: state, store }: Context): Promise<Map<string, string>> {
  if (state.known !== undefined) return state.known;
  const known = new Map<string, string>();
  const events = await store.events({ kinds: ['wave-arrived'], limit: LOOK_BACK }).catch((): StoredEvent[] => []);
  for (const { subject, after } of events) if (after !== null && !known.has(subject)) known.set(subject, after);
  state.known = known;
  return known;
}
