import { floorHour, type Hostname } from '../../protocol/names.ts';
import { place } from '../core/choose.ts';
import {
  type Answer,
  assign,
  asToldBefore,
  type Question,
  type StandingAnswer,
  withExperience,
  workOut,
} from './assign.ts';
import type { Context } from './context.ts';
import type { Epoch, Kind } from './standing.ts';

/**
 * What a node is answered now. Nearly always that stands already and is only looked up; it is worked out where the node is
 * new, is decided by itself, or comes in the moment between a change and the answers that follow from it.
 */
export async function answer(context: Context, question: Question): Promise<Answer> {
  const { hostname, asked } = question;
  const found = (asked === undefined && standingOf(context, hostname)) || (await worked(context, question));
  return 'told' in found ? asToldBefore(found, context.fleet.told(hostname)) : found;
}

function standingOf({ fleet, standing }: Context, hostname: Hostname): StandingAnswer | undefined {
  const seat = fleet.seat(hostname);
  return seat && standing.of(seat);
}

async function worked(context: Context, question: Question): Promise<Answer> {
  const { hostname, asked } = question;
  const found = await (asked === undefined ? letStand(context, hostname) : assign(context, question));
  // It may follow from a change that nobody has seen yet: then nobody may be told any more what stood before.
  context.standing.lookAgain();
  return found;
}

/** Decides again for all kinds of nodes when something that decides has changed. Called many times a second; mostly there is nothing to do. */
export async function followEpoch(context: Context): Promise<void> {
  const { standing, fleet } = context;
  const epoch = standing.epoch();
  const before = followed.get(standing);
  if (epoch === undefined || epoch === before) return;
  followed.set(standing, epoch);
  // The kinds that there are come first: most nodes are of one of them.
  await standing.decideAll((kind, now) => decide(context, kind, now));
  if (epoch.placement !== before?.placement) {
    await standing.placeAll(fleet.seats());
    await standing.decideAll((kind, now) => decide(context, kind, now));
  }
  if (epoch.shelf !== before?.shelf) await knowViews(context, epoch);
}

/** Has the views at hand of all tags that a mark may send nodes to: then nobody waits for what is in them. */
async function knowViews({ standing, views, fleet }: Context, { world, placement, shelf }: Epoch): Promise<void> {
  const [kind] = placement.kinds.values();
  const placed = kind && place(world, kind.sample, []);
  if (placed === undefined || placed.wave === null) return;
  const { hostname, groups, wave } = placed;
  const node = { hostname, environment: wave.environment, groups, facts: fleet.facts(hostname) };
  const hours = Math.max(...world.schedule.waves.map(({ lookbackHours }) => lookbackHours));
  const tags = world.tags.filter(({ hour, broken }) => broken === null && hour >= floorHour(world.now) - hours);
  for (const tree of new Set(tags.map((tag) => tag.tree).reverse())) {
    if (standing.epoch()?.shelf !== shelf) return;
    // What cannot be read is told to whoever asks for it.
    await views.ofNode(tree, node).catch(() => undefined);
  }
}

const followed = new WeakMap<Context['standing'], Epoch>();

async function letStand(context: Context, hostname: Hostname): Promise<Answer> {
  const { standing, fleet, time } = context;
  const epoch = standing.epoch();
  if (epoch === undefined || epoch.hasPrograms) return assign(context, { hostname });
  const seat = fleet.admit(hostname, time.now());
  const kind = standing.kindOf(epoch, hostname);
  if (kind !== undefined && kind.epoch !== epoch) await decide(context, kind, epoch);
  if (seat !== undefined) seat.kind = kind;
  if (kind?.epoch === epoch && kind.answer !== undefined) return fullAnswer(context, kind, { hostname, epoch });
  const facts = fleet.facts(hostname);
  const { answer, scope } = await workOut(context, { hostname });
  // A report may have come meanwhile, with facts by which it gets something else.
  const stands = scope === 'node' && standing.epoch() === epoch && fleet.facts(hostname) === facts;
  if (seat !== undefined && stands && 'told' in answer) {
    seat.own = answer;
    seat.ownEpoch = epoch;
  }
  return answer;
}

/** Whoever asks for the first time hears all reasons; the others are many, and are not kept waiting for them. */
async function fullAnswer(
  context: Context,
  kind: Kind,
  { hostname, epoch }: { readonly hostname: Hostname; readonly epoch: Epoch },
): Promise<Answer> {
  const isNew = context.fleet.told(hostname) === undefined;
  if (isNew && kind.completing !== undefined) {
    await kind.completing;
    // What was pulled or marked meanwhile counts.
    if (context.standing.epoch() !== epoch) return letStand(context, hostname);
  }
  return kind.answer ?? letStand(context, hostname);
}

/** Works out what the nodes of a kind get, once however many of them ask meanwhile. */
function decide(context: Context, kind: Kind, epoch: Epoch): Promise<void> {
  kind.deciding ??= decideKind(context, kind, epoch).finally(() => {
    kind.deciding = undefined;
  });
  return kind.deciding;
}

async function decideKind(context: Context, kind: Kind, epoch: Epoch): Promise<void> {
  const { answer, scope } = await workOut(context, { hostname: kind.sample, forKind: true });
  if (context.standing.epoch() !== epoch || scope === 'moment') return;
  kind.answer = scope === 'kind' && 'told' in answer ? answer : undefined;
  kind.epoch = epoch;
  kind.completing = kind.answer && complete(context, kind, epoch);
}

/** Adds to the reasons what earlier waves experienced, for those who are told the answer from then on. Never rejects. */
async function complete(context: Context, kind: Kind, epoch: Epoch): Promise<void> {
  const { answer } = kind;
  if (answer?.kind !== 'serve') return;
  try {
    const placed = place(epoch.world, kind.sample, []);
    const told = await withExperience(context, epoch.world, { placed, told: answer.told });
    if (kind.answer === answer) kind.answer = { ...answer, told };
  } catch (error) {
    context.log.warn('what earlier waves experienced is not known', { tag: answer.tag, error });
  } finally {
    if (kind.epoch === epoch) kind.completing = undefined;
  }
}
