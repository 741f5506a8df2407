import type { TrainMap } from '../../protocol/api/train.ts';
import { assembleMap } from '../core/train-map.ts';
import type { World } from '../core/world.ts';
import type { Attempt } from '../ports/common.ts';
import type { Context } from './context.ts';
import { assumptions } from './forecast.ts';
import { knownSince } from './overview.ts';
import { standingStops, stopsAt } from './stops.ts';
import { type NotReady, type Ready, worldNow } from './world.ts';
import { nothingKnown, worldAt } from './world-at.ts';

export interface MapOptions {
  /** How many columns, the present hour being the last. */
  readonly hours: number;
  /** How many of the hours to come. */
  readonly ahead: number;
  /** Milliseconds since 1970; what is not past is now. */
  readonly at?: number | undefined;
  /** How long to wait for sizes of changes that were never counted. */
  readonly patienceMs?: number | undefined;
}

export type MapOutcome = Attempt<TrainMap> | NotReady;

const PATIENCE_MS = 300;
const DAY_MS = 24 * 3_600_000;

/** What runs where, and what each wave gets next; or what it was told then. Rejects where the past is asked for and the history cannot be read. */
export async function trainMap(context: Context, options: MapOptions): Promise<MapOutcome> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const { at } = options;
  return at === undefined || at >= ready.world.now
    ? { ok: true, value: await mapNow(context, ready, options) }
    : mapThen(context, ready, { ...options, at });
}

async function mapNow(context: Context, ready: Ready, { hours, ahead, patienceMs }: MapOptions): Promise<TrainMap> {
  const { world, controls } = ready;
  const seenSince = knownSince(ready);
  const silentBefore = world.now - controls.settings.fleet.silentAfterMinutes * 60_000;
  const [counts, killswitch, sizes, since] = await Promise.all([
    context.locator.now({ seenSince, silentBefore }),
    standingStops(context, seenSince),
    sizesOf(context, world, { hours, patienceMs }),
    context.store.recordedSince().catch(() => null),
  ]);
  const problems = context.problems.standing().length;
  const notes = ahead === 0 ? [] : [`the path: ${assumptions(context, world).join('; ')}`];
  return assembleMap({ world, tense: 'now', hours, ahead, counts, sizes, killswitch, problems, since, notes });
}

async function mapThen(
  context: Context,
  { controls }: Ready,
  { hours, at, patienceMs }: MapOptions & { readonly at: number },
): Promise<MapOutcome> {
  const world = await worldAt(context, at);
  if (world === undefined) return nothingKnown(at);
  const seenSince = at - controls.settings.fleet.forgetAfterDays * DAY_MS;
  const counts = await context.locator.at({ at, seenSince });
  const [killswitch, sizes, since] = await Promise.all([
    stopsAt(context, at, counts),
    sizesOf(context, world, { hours, patienceMs }),
    context.store.recordedSince(),
  ]);
  const notes = [
    'with the marks, schedule, killswitch and tags as they were; what nodes had been told, as it was recorded',
    'of what nodes ran, only is known whether it was what they had been told; failures that were made good since, silence and drift of then are not known',
    ...(context.programs.nodetagger().kind === 'none'
      ? []
      : ["the nodetagger's answers of then are not known: what waves get is the schedule's own rule"]),
  ];
  const problems = context.problems.standing().length;
  const map = assembleMap({ world, tense: 'past', hours, ahead: 0, counts, sizes, killswitch, problems, since, notes });
  return { ok: true, value: map };
}

/** Of the tags that are shown, and the one before each. */
function sizesOf(
  context: Context,
  { tags, now }: World,
  { hours, patienceMs = PATIENCE_MS }: Pick<MapOptions, 'hours' | 'patienceMs'>,
) {
  const oldest = now - hours * 3_600_000;
  const first = tags.findIndex((tag) => tag.hour * 3_600_000 > oldest);
  return context.sizes.of(first === -1 ? [] : tags.slice(Math.max(0, first - 1)), patienceMs);
}
