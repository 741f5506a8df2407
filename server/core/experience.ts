import { failureWords, waveLabel } from './halt.ts';
import type { Wave } from './schedule.ts';
import { count } from './wording.ts';

/** What the nodes of one wave, by the name that it had then, have experienced with a tag. */
export interface WaveExperience {
  readonly wave: string;
  /** How many have run it, by what their polls said. */
  readonly ran: number;
  /** How long they have, all together. */
  readonly milliseconds: number;
  /** How many reported last that it failed, or that they went back. */
  readonly failed: number;
  readonly rolledBack: number;
  /** The first of those. */
  readonly first: readonly string[];
}

export interface ExperienceQuestion {
  readonly wave: Pick<Wave, 'name' | 'environment' | 'hours'>;
  /** All of the schedule. */
  readonly waves: readonly Pick<Wave, 'name' | 'environment' | 'hours'>[];
  readonly experiences: readonly WaveExperience[];
}

const NAMED = 5;

/**
 * What the waves that lag less than this one experienced with a tag, as a reason to read after others that name it: `412 development and qa nodes have
 * run it for 4 h, none failed`. The time is what they have run it on average. Undefined where nobody
 * has experienced anything.
 */
export function describeExperience({ wave, waves, experiences }: ExperienceQuestion): string | undefined {
  const byWave = new Map(experiences.map((experience) => [experience.wave, experience]));
  const earlier = waves
    .filter((one) => one.hours < wave.hours)
    .flatMap((one) => {
      const experience = byWave.get(one.name);
      return experience === undefined ? [] : [{ ...experience, label: waveLabel(waves, one) }];
    });
  const ran = sum(earlier, ({ ran }) => ran);
  const failures = describe(earlier);
  if (ran === 0)
    return failures === undefined ? undefined : `no node of an earlier wave is known to have run it, ${failures}`;
  const labels = earlier.filter((one) => one.ran > 0).map(({ label }) => label);
  const time = duration(sum(earlier, ({ milliseconds }) => milliseconds) / ran);
  const nodes = `${count(ran, `${enumerated(labels)} node`)} ${ran === 1 ? 'has' : 'have'}`;
  return `${nodes} run it for ${time}, ${failures ?? 'none failed'}`;
}

function describe(earlier: readonly WaveExperience[]): string | undefined {
  const total = { failed: sum(earlier, ({ failed }) => failed), rolledBack: sum(earlier, (one) => one.rolledBack) };
  const nodes = total.failed + total.rolledBack;
  if (nodes === 0) return undefined;
  const named = earlier.flatMap(({ first }) => first).slice(0, NAMED);
  const more = nodes - named.length;
  return `${nodes} ${failureWords(total)}: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** Hosts ask every few minutes: what is ten minutes short of an hour is one. */
const ALMOST_MINUTES = 10;

function duration(milliseconds: number): string {
  const minutes = Math.floor(milliseconds / 60_000);
  const hours = Math.floor((minutes + ALMOST_MINUTES) / 60);
  if (hours === 0) return `${minutes} min`;
  return hours < 72 ? `${hours} h` : count(Math.floor(hours / 24), 'day');
}

function enumerated(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

function sum<Item>(items: readonly Item[], numberOf: (item: Item) => number): number {
  return items.reduce((total, item) => total + numberOf(item), 0);
}
