import { setTimeout as delay } from 'node:timers/promises';
import type { TagName } from '../../protocol/names.ts';
import { describeExperience, type WaveExperience } from '../core/experience.ts';
import type { Placed, World } from '../core/world.ts';
import type { Clock, Store } from '../ports.ts';
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
const PATIENCE_MS = 250;

export function openExperience({ store, clock, now, flush }: ExperiencePorts): Experience {
  const looks = new Map<TagName, { readonly at: number; readonly found: Promise<WaveExperience[] | undefined> }>();

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

  const begin = (tag: TagName): Promise<WaveExperience[] | undefined> => {
    const at = clock.monotonic();
    for (const [known, { at: then }] of looks) if (at - then >= FRESH_MS) looks.delete(known);
    const found = looks.get(tag)?.found ?? look(tag).catch(() => undefined);
    if (!looks.has(tag)) looks.set(tag, { at, found });
    return found;
  };

  return { of: (tag) => soon(begin(tag)) };
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
