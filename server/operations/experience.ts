import { setTimeout as delay } from 'node:timers/promises';
import type { TagName } from '../../protocol/names.ts';
import { describeExperience, type WaveExperience } from '../core/experience.ts';
import type { Placed, World } from '../core/world.ts';
import type { Clock } from '../ports/common.ts';
import type { Store } from '../ports/store.ts';
import type { Context } from './context.ts';

/** What nodes have experienced with tags, from the store, for a short time remembered. */
export interface Experience {
  /** Undefined where it cannot be known soon: no answer waits for it. */
  of(tag: TagName): Promise<readonly WaveExperience[] | undefined>;
}

export interface ExperiencePorts {
  readonly store: Store;
  readonly clock: Clock;
  /** Milliseconds since 1970, by the time that decisions are made by. */
  readonly now: () => number;
  /** Writes what polls said that is not in the store yet. */
  readonly flush: () => Promise<void>;
}

/** A whole fleet that changes over at the hour costs one look a minute. */
const FRESH_MS = 60_000;
const PATIENCE_MS = 1_000;

export function openExperience({ store, clock, now, flush }: ExperiencePorts): Experience {
  const looks = new Map<TagName, Look>();

  const look = async (tag: TagName): Promise<WaveExperience[]> => {
    await flush();
    const [runs, failures] = await Promise.all([store.tagRuns(tag, now()), store.tagFailures(tag)]);
    const waves = new Set([...runs, ...failures].map(({ wave }) => wave));
    return [...waves].map((wave) => {
      const ran = runs.find((one) => one.wave === wave);
      const failed = failures.find((one) => one.wave === wave);
      const { rolledBack = 0, first = [] } = failed ?? {};
      const { nodes = 0, milliseconds = 0 } = ran ?? {};
      return { wave, ran: nodes, milliseconds, failed: failed?.failed ?? 0, rolledBack, first };
    });
  };

  const begin = (tag: TagName, at: number): Look => {
    for (const [known, { began }] of looks) if (at - began >= FRESH_MS) looks.delete(known);
    const found = look(tag).catch(() => undefined);
    const begun: Look = { began: at, answer: soon(found) };
    looks.set(tag, begun);
    // Who asks when it has come at last need not do without.
    void found.then(() => {
      begun.answer = found;
    });
    return begun;
  };

  return {
    of(tag) {
      const at = clock.monotonic();
      const known = looks.get(tag);
      return (known !== undefined && at - known.began < FRESH_MS ? known : begin(tag, at)).answer;
    },
  };
}

interface Look {
  /** Milliseconds since some start. */
  readonly began: number;
  answer: Promise<readonly WaveExperience[] | undefined>;
}

async function soon<Value>(value: Promise<Value>): Promise<Value | undefined> {
  const over = new AbortController();
  const late = delay(PATIENCE_MS, undefined, { signal: over.signal }).catch(() => undefined);
  try {
    return await Promise.race([value, late]);
  } finally {
    over.abort();
  }
}

/** What to add to the reasons of an answer that serves a tag; nothing where there is nothing to tell. */
export async function experienceReasons(
  context: Context,
  world: World,
  { placed, tag }: { readonly placed: Placed; readonly tag: TagName | 'trunk' },
): Promise<string[]> {
  const { wave } = placed;
  const { waves } = world.schedule;
  if (wave === null || tag === 'trunk' || waves.every((one) => one.hours >= wave.hours)) return [];
  const experiences = await context.experience.of(tag);
  if (experiences === undefined) return [];
  const sentence = describeExperience({ wave, waves, experiences });
  return sentence === undefined ? [] : [sentence];
}
