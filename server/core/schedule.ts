import { createHash } from 'node:crypto';
import * as z from 'zod';
import { type Environment, type Hostname, parseEnvironment } from '../../protocol/names.ts';
import { groupName } from './group-name.ts';
import type { HaltAfter } from './halt.ts';
import { type Parsed, parseYamlFile } from './yaml-file.ts';
import { wholeNumber } from './yaml-shape.ts';

export interface Wave {
  /** Unique; `<environment>+<hours>h` unless named. */
  readonly name: string;
  readonly environment: Environment;
  /** How many hours the wave lags. Integer, at least 0. */
  readonly hours: number;
  readonly require: 'not-bad' | 'good';
  /** Greater than `hours`. Not applied with `require: good`. */
  readonly lookbackHours: number;
  readonly groups: readonly string[];
  /** Share of the matching nodes, by hash; null = all. */
  readonly percent: number | null;
  readonly isDefault: boolean;
  /** When the server marks a tag bad by itself because of what the wave's nodes report; null = never. */
  readonly haltAfter: HaltAfter | null;
}

export interface Schedule {
  readonly waves: readonly Wave[];
}

export const DEFAULT_LOOKBACK_HOURS = 72;
/** A century: beyond it the arithmetic of dates, not a schedule, is being tested. */
const MOST_HOURS = 876_600;

const HOURS = `a whole number of hours, 0 to ${MOST_HOURS}`;
const LOOKBACK = `a whole number of hours, 1 to ${MOST_HOURS}`;
const PERCENT = 'a percentage from 0 to 100';
const MOST_NODES = 1_000_000;
const FAILED = `a whole number of nodes, 1 to ${MOST_NODES}`;
const FAILED_PERCENT = 'a percentage above 0, to 100';
const ENVIRONMENT =
  'an environment: lower-case letters, digits, dots, hyphens and underscores, a letter or digit first';
const NAME = 'a name of 1 to 100 characters without line ends';

const haltAfter = z
  .strictObject({
    failed: wholeNumber(FAILED, { min: 1, max: MOST_NODES }).optional(),
    percent: z
      .number(FAILED_PERCENT)
      .refine((value) => value > 0 && value <= 100, FAILED_PERCENT)
      .optional(),
  })
  .refine(({ failed, percent }) => failed !== undefined || percent !== undefined, {
    error: 'failed (nodes), percent (of the known nodes), or both',
    params: { found: 'neither' },
  });

const wave = z
  .strictObject({
    environment: z.string(ENVIRONMENT).refine((text) => parseEnvironment(text) !== undefined, ENVIRONMENT),
    hours: wholeNumber(HOURS, { min: 0, max: MOST_HOURS }),
    name: z
      .string(NAME)
      .regex(/^[^\p{Cc}]{1,100}$/u, NAME)
      .optional(),
    groups: z.array(groupName, 'a list of groups').optional(),
    default: z.boolean().optional(),
    require: z.enum(['not-bad', 'good']).optional(),
    lookback_hours: wholeNumber(LOOKBACK, { min: 1, max: MOST_HOURS }).optional(),
    percent: z.number(PERCENT).min(0, PERCENT).max(100, PERCENT).optional(),
    halt_after: haltAfter.optional(),
  })
  .superRefine(checkWave, { when: () => true });

const schedule = z.strictObject({
  waves: z
    .array(wave, 'a list of waves')
    .min(1, 'at least one wave, with default: true')
    .superRefine(checkWaves, { when: () => true }),
});

type RawWave = z.output<typeof wave>;

/** Parses `schedule.yml`. */
export function parseSchedule(text: string): Parsed<Schedule> {
  const parsed = parseYamlFile('schedule.yml', text, schedule);
  return parsed.ok ? { ok: true, value: { waves: parsed.value.waves.map(waveFrom) } } : parsed;
}

/** What counts where there is no `schedule.yml` and never was a valid one. */
export const DEFAULT_SCHEDULE: Schedule = {
  waves: [
    { environment: 'development', groups: ['dev', 'int'], hours: 0 },
    { environment: 'qa', groups: ['qa'], hours: 1 },
    { environment: 'staging', groups: ['stg'], hours: 2 },
    { environment: 'production', default: true as const, hours: 4 },
  ].map(waveFrom),
};

/** The first wave that a host with these groups belongs to; the default wave, which comes last, has them all. */
export function waveOf(schedule: Schedule, hostname: Hostname, groups: readonly string[]): Wave {
  const own = new Set(groups);
  const found = schedule.waves.find(
    (wave) =>
      (wave.isDefault || wave.groups.some((group) => own.has(group))) &&
      (wave.percent === null || shareOf(wave.name, hostname) < wave.percent / 100),
  );
  if (!found) throw new Error('a schedule without a default wave: it did not come from parseSchedule');
  return found;
}

export function environmentsOf(schedule: Schedule): ReadonlySet<Environment> {
  return new Set(schedule.waves.map((wave) => wave.environment));
}

/** Where in [0, 1) a host stands in a wave: the same for ever, and independent of its place in every other wave. */
function shareOf(wave: string, hostname: Hostname): number {
  return createHash('sha256').update(`${wave}\n${hostname}`).digest().readUInt32BE(0) / 2 ** 32;
}

function waveFrom(raw: Omit<RawWave, 'environment'> & { environment: string }): Wave {
  return {
    name: raw.name ?? defaultName(raw),
    environment: raw.environment as Environment,
    hours: raw.hours,
    require: raw.require ?? 'not-bad',
    lookbackHours: raw.lookback_hours ?? DEFAULT_LOOKBACK_HOURS,
    groups: raw.groups ?? [],
    percent: raw.percent ?? null,
    isDefault: raw.default ?? false,
    haltAfter: haltAfterFrom(raw.halt_after),
  };
}

function haltAfterFrom(raw: RawWave['halt_after']): HaltAfter | null {
  return raw === undefined ? null : { failed: raw.failed ?? null, percent: raw.percent ?? null };
}

function defaultName(raw: { environment: string; hours: number }): string {
  return `${raw.environment}+${raw.hours}h`;
}

type Refinement = z.core.$RefinementCtx<unknown>;

/** Rules between the keys of one wave. The value may be anything: rules are checked beside shapes, to tell all errors at once. */
function checkWave(value: unknown, context: Refinement): void {
  const { hours, require, lookback_hours: lookback, groups, percent, default: isDefault } = recordOf(value);
  const wrong = (key: string, message: string, found?: string) =>
    context.addIssue({ code: 'custom', path: [key], message, params: { found } });
  const limit = lookback ?? DEFAULT_LOOKBACK_HOURS;
  if (
    typeof hours === 'number' &&
    typeof limit === 'number' &&
    require !== 'good' &&
    limit <= hours &&
    hours <= MOST_HOURS
  ) {
    const meaning = lookback === undefined ? `nothing, which means ${DEFAULT_LOOKBACK_HOURS}` : undefined;
    wrong('lookback_hours', `more hours than the wave lags (${hours})`, meaning);
  }
  const without = groups === undefined || (Array.isArray(groups) && groups.length === 0);
  if (without && (isDefault === undefined || isDefault === false))
    wrong('groups', 'at least one group, or default: true');
  if (isDefault === true && percent !== undefined)
    wrong('percent', 'no share in the default wave, which takes everyone else');
}

/** Rules between waves. */
function checkWaves(value: unknown, context: Refinement): void {
  const waves = Array.isArray(value) ? value.map(recordOf) : [];
  const defaults = waves.flatMap((wave, index) => (wave['default'] === true ? [index] : []));
  for (const index of defaults.filter((index) => index !== waves.length - 1)) {
    const found = `it in wave ${index + 1} of ${waves.length}`;
    context.addIssue({
      code: 'custom',
      path: [index, 'default'],
      message: 'default: true in the last wave only',
      params: { found },
    });
  }
  const last = waves.length - 1;
  if (waves.length > 0 && defaults.length === 0)
    context.addIssue({ code: 'custom', path: [last, 'default'], message: 'default: true in the last wave' });
  const firstOf = new Map<string, number>();
  for (const [index, wave] of waves.entries()) {
    const name = nameOf(wave);
    const first = name === undefined ? undefined : firstOf.get(name);
    if (name !== undefined && first === undefined) firstOf.set(name, index);
    if (first === undefined) continue;
    const found = `${JSON.stringify(name)} again (first in waves.${first})`;
    context.addIssue({
      code: 'custom',
      path: [index, 'name'],
      message: 'a name that no other wave has',
      params: { found },
    });
  }
}

function nameOf({ name, environment, hours }: Record<string, unknown>): string | undefined {
  if (typeof name === 'string') return name;
  return typeof environment === 'string' && typeof hours === 'number' ? defaultName({ environment, hours }) : undefined;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
