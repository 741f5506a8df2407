import { setImmediate as turn } from 'node:timers/promises';
import { floorHour, type Hostname, startOf } from '../../protocol/names.ts';
import { place } from '../core/choose.ts';
import { nextPinChange } from '../core/pin-change.ts';
import { pinOf } from '../core/pins.ts';
import type { PlacedNode, World } from '../core/world.ts';
import type { Clock } from '../ports/common.ts';
import type { Programs } from '../ports/programs.ts';
import type { Settings } from '../settings/settings.ts';
import type { StandingAnswer } from './assign.ts';
import type { Desk } from './desk.ts';
import type { Shelf, ShelfKeeper } from './shelf.ts';
import type { Timekeeper } from './timekeeper.ts';
import { worldOf } from './world.ts';

/**
 * The time in which nothing that decides changes: control files, tags, the hour, pins, the site's programs. Answers that were
 * worked out in it stand until it is over. It is told by its identity.
 */
export interface Epoch {
  /** Everything that decides, as of when it began. */
  readonly world: World;
  readonly settings: Settings;
  readonly shelf: Shelf;
  /** Milliseconds since 1970: from (inclusive), until (exclusive). */
  readonly from: number;
  readonly until: number;
  /** Programs decide, and may answer something else at any time: nothing stands. */
  readonly hasPrograms: boolean;
  /** Which nodes are of one kind stays as it is for longer than what they get. */
  readonly placement: Placement;
}

/** Which wave and groups a node has, and whether a pin names it, goes by these alone. */
interface Placement {
  readonly by: readonly unknown[];
  readonly until: number;
  readonly kinds: Map<string, Kind>;
}

/** Nodes of one wave with the same groups, that no pin names: they get the same tag, and mostly the same answer. */
export interface Kind {
  /** Different for each in this process. */
  readonly id: number;
  /** One of them. */
  readonly sample: Hostname;
  /** The epoch that `answer` is of. */
  epoch: Epoch | undefined;
  /** Undefined where each of them has a view of its own. */
  answer: StandingAnswer | undefined;
  deciding: Promise<void> | undefined;
  /** While the answer stands already, and what earlier waves experienced is still being looked up for its reasons. */
  completing: Promise<void> | undefined;
}

/** Where a node's answer stands. */
export interface Seat {
  readonly hostname: Hostname;
  kind: Kind | undefined;
  /** An answer of its own, and the epoch that it is of. */
  own: StandingAnswer | undefined;
  ownEpoch: Epoch | undefined;
}

export interface Standing {
  /** The present epoch; undefined while nothing can be decided. At most 15 ms old, and looked up anew after any pause. */
  epoch(): Epoch | undefined;
  /** As `epoch`, looked up now: for who tells others since when it stands. */
  lookAgain(): Epoch | undefined;
  /** Calls back as soon as an epoch is over, before anybody is answered in the next. Call what it returns to end that. */
  onEpoch(listener: () => void): () => void;
  /** When was last looked: milliseconds since 1970, by the time that decisions are made by. */
  now(): number;
  /** The answer that stands for a node, looked up; undefined where it has to be worked out. `epoch`: the present one. */
  of(seat: Seat, epoch?: Epoch): StandingAnswer | undefined;
  /** The kind of a node; undefined for one that is decided by itself. */
  kindOf(epoch: Epoch, hostname: Hostname): Kind | undefined;
  /** Works out what all the kinds get that some node is of, where that is not known. Called when an epoch begins. */
  decideAll(decide: (kind: Kind, epoch: Epoch) => Promise<void>): Promise<void>;
  /** Finds the kinds of all these nodes anew, a portion a turn. Called when a placement begins. */
  placeAll(seats: Iterable<Seat>): Promise<void>;
}

interface Ports {
  readonly desk: Desk;
  readonly shelf: ShelfKeeper;
  readonly time: Timekeeper;
  readonly clock: Clock;
  readonly programs: Programs;
}

const PAUSE_MS = 0.25;
const FRESH_MS = 15;
const PROGRAMS_FRESH_MS = 15;
const SEATS_A_TURN = 500;
const DECIDED_AT_ONCE = 32;

export function openStanding({ desk, shelf, time, clock, programs }: Ports): Standing {
  let epoch: Epoch | undefined;
  let state: unknown;
  let programsAre = '';
  let programsLookedAt = Number.NEGATIVE_INFINITY;
  let askedOn = Number.NEGATIVE_INFINITY;
  let lookedOn = Number.NEGATIVE_INFINITY;
  let lookedAt = 0;
  let kinds = 0;
  const listeners = new Set<() => void>();

  /** One look serves all who ask in a rush, for a moment; who asks after a pause, however short, has one of their own. */
  const current = (): Epoch | undefined => {
    const now = clock.monotonic();
    const since = now - askedOn;
    askedOn = now;
    if (since > 0 && since < PAUSE_MS && now - lookedOn < FRESH_MS) return epoch;
    return lookAgain();
  };

  const lookAgain = (): Epoch | undefined => {
    lookedOn = clock.monotonic();
    const before = epoch;
    epoch = look();
    if (epoch !== before) for (const listener of listeners) listener();
    return epoch;
  };

  const look = (): Epoch | undefined => {
    const found = desk.look();
    if (found.kind !== 'ready') return undefined;
    const now = time.now();
    lookedAt = now;
    const books = shelf.current();
    const programsNow = lookAtPrograms();
    const lasts = epoch !== undefined && now >= epoch.from && now < epoch.until;
    if (lasts && state === found && epoch?.shelf === books && programsNow === programsAre) return epoch;
    state = found;
    programsAre = programsNow;
    const world = worldOf(found.controls, books, now);
    const placement = placementIn(world);
    const until = Math.min(startOf(floorHour(now) + 1), placement.until);
    const { settings } = found.controls;
    return { world, settings, shelf: books, from: now, until, hasPrograms: programsNow !== NO_PROGRAMS, placement };
  };

  const lookAtPrograms = (): string => {
    const now = clock.monotonic();
    if (now - programsLookedAt < PROGRAMS_FRESH_MS) return programsAre;
    programsLookedAt = now;
    return JSON.stringify([programs.nodetagger(), programs.nodegrouper()]);
  };

  const placementIn = (world: World): Placement => {
    const { nodes, nodeGroups, schedule, pins, now } = world;
    const by = [nodes, nodeGroups, schedule, pins];
    const before = epoch?.placement;
    const isSame = before?.by.every((part, index) => part === by[index]) === true;
    if (isSame && now < before.until && now >= (epoch?.from ?? now)) return before;
    return { by, until: nextPinChange(world), kinds: new Map() };
  };

  const kindOf = ({ world, placement }: Epoch, hostname: Hostname): Kind | undefined => {
    if (pinOf(world, hostname) !== undefined) return undefined;
    const placed = place(world, hostname, []);
    if (placed.wave === null) return undefined;
    const key = keyOf(placed);
    const known = placement.kinds.get(key);
    if (known !== undefined) return known;
    const kind: Kind = {
      id: ++kinds,
      sample: hostname,
      epoch: undefined,
      answer: undefined,
      deciding: undefined,
      completing: undefined,
    };
    placement.kinds.set(key, kind);
    return kind;
  };

  return {
    epoch: current,
    lookAgain,
    onEpoch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    now: () => lookedAt,
    kindOf,
    of({ kind, own, ownEpoch }, now = current()) {
      if (now === undefined) return undefined;
      if (kind?.epoch === now && kind.answer !== undefined) return kind.answer;
      return ownEpoch === now ? own : undefined;
    },
    async decideAll(decide) {
      const now = current();
      if (now === undefined || now.hasPrograms) return;
      const waiting = [...now.placement.kinds.values()].filter((kind) => kind.epoch !== now);
      while (waiting.length > 0 && current() === now)
        await Promise.all(waiting.splice(0, DECIDED_AT_ONCE).map((kind) => decide(kind, now)));
    },
    async placeAll(seats) {
      const now = current();
      if (now === undefined || now.hasPrograms) return;
      let placed = 0;
      for (const seat of seats) {
        seat.kind = kindOf(now, seat.hostname);
        if (++placed % SEATS_A_TURN !== 0) continue;
        await turn();
        if (current()?.placement !== now.placement) return;
      }
    },
  };
}

const NO_PROGRAMS = JSON.stringify([{ kind: 'none' }, { kind: 'none' }]);

function keyOf({ wave, groups }: PlacedNode): string {
  return JSON.stringify([wave.name, ...groups]);
}
