import * as z from 'zod';
import { HOLD_CODES } from '../../protocol/errors.ts';
import { type Environment, hourOf, parseEnvironment, parseTagName, type TagName } from '../../protocol/names.ts';
import { type Decision, decideBySchedule } from './decide.ts';
import { groupByTag } from './marks.ts';
import { parseInstant } from './pin-tag.ts';
import type { FileError } from './problem.ts';
import { DEFAULT_LOOKBACK_HOURS, DEFAULT_SCHEDULE, environmentsOf } from './schedule.ts';
import type { Tag } from './tag.ts';
import { parseTagstate } from './tagstate.ts';
import { readYaml, type YamlError } from './yaml-document.ts';
import type { Parsed } from './yaml-file.ts';
import { checkShape } from './yaml-shape.ts';

const INSTANT = 'an instant with its offset, such as 2026-11-20T14:25:00Z';
const TAG = 'a tag, etchautotag-YYYYMMDD-HH00';
const ENVIRONMENT = 'the name of an environment';
const HOURS = 'a whole number of hours, at least 0';
const LOOKBACK = 'a whole number of hours, greater than hours';

const tag = z.string(TAG).transform((text, context): TagName => {
  const name = parseTagName(text);
  if (name !== undefined) return name;
  context.addIssue({ code: 'custom', message: TAG });
  return z.NEVER;
});

const instant = z.string(INSTANT).transform((text, context): number => {
  const at = parseInstant(text);
  if (at !== undefined) return at;
  context.addIssue({ code: 'custom', message: INSTANT });
  return z.NEVER;
});

const environment = z
  .string(ENVIRONMENT)
  .refine((text) => parseEnvironment(text) !== undefined, ENVIRONMENT)
  .transform((text) => text as Environment);

const wave = z
  .strictObject({
    environment: environment.default('production' as Environment),
    hours: z.int(HOURS).min(0, HOURS),
    require: z.enum(['not-bad', 'good']).default('not-bad'),
    lookback_hours: z.int(LOOKBACK).default(DEFAULT_LOOKBACK_HOURS),
  })
  .refine((value) => value.require === 'good' || value.lookback_hours > value.hours, {
    path: ['lookback_hours'],
    message: LOOKBACK,
  });

const expectation = z.discriminatedUnion(
  'outcome',
  [
    z.strictObject({ outcome: z.literal('serve'), tag }),
    z.strictObject({ outcome: z.literal('hold'), code: z.enum(HOLD_CODES).optional() }),
  ],
  'outcome: serve with a tag, or outcome: hold with a code',
);

const caseSchema = z
  .strictObject({
    name: z.string().min(1, 'a name'),
    now: instant,
    tags: z.array(tag),
    broken: z.array(tag).default([]),
    tagstate: z.string('the text of a tagstate').default(''),
    environments: z.array(environment).optional(),
    wave,
    expect: expectation,
  })
  .superRefine(({ tags, broken }, context) => {
    for (const [index, name] of broken.entries())
      if (!tags.includes(name))
        context.addIssue({ code: 'custom', path: ['broken', index], message: 'one of the tags' });
  });

const fileSchema = z.strictObject({ cases: z.array(caseSchema, 'a list of cases') });

/** A decision to be made, and what it should be. */
export type Case = z.output<typeof caseSchema>;

export interface CaseResult {
  readonly name: string;
  readonly passed: boolean;
  /** `serve TAG` or `hold CODE`. */
  readonly expected: string;
  readonly got: string;
  readonly reasons: readonly string[];
}

/** Makes a case's decision by the same function that decides for nodes. Its tagstate counts as settled. */
export function runCase(given: Case): CaseResult {
  const { name, now, expect } = given;
  const environments = new Set([...(given.environments ?? environmentsOf(DEFAULT_SCHEDULE)), given.wave.environment]);
  const base = groupByTag(parseTagstate(given.tagstate, 'tagstate').lines);
  const decision = decideBySchedule({
    now,
    tags: tagsOf(given),
    marks: { base, repository: new Map(), environments },
    wave: {
      name: `${given.wave.environment}+${given.wave.hours}h`,
      environment: given.wave.environment,
      hours: given.wave.hours,
      require: given.wave.require,
      lookbackHours: given.wave.lookback_hours,
    },
  });
  return {
    name,
    passed: isAsExpected(decision, expect),
    expected: told(expect),
    got: toldOf(decision),
    reasons: decision.reasons,
  };
}

function tagsOf({ tags, broken }: Case): Tag[] {
  const unusable = new Set(broken);
  return [...new Set(tags)]
    .map((name) => ({ name, hour: hourOf(name), broken: unusable.has(name) ? 'listed under broken' : null }))
    .sort((one, other) => one.hour - other.hour);
}

function isAsExpected(decision: Decision, expect: Case['expect']): boolean {
  if (expect.outcome === 'serve') return decision.outcome === 'serve' && decision.tag === expect.tag;
  return decision.outcome === 'hold' && (expect.code === undefined || decision.hold === expect.code);
}

function told(expect: Case['expect']): string {
  return expect.outcome === 'serve' ? `serve ${expect.tag}` : `hold ${expect.code ?? '(whatever its code)'}`;
}

function toldOf(decision: Decision): string {
  if (decision.outcome === 'serve') return `serve ${decision.tag}`;
  return decision.outcome === 'hold' ? `hold ${decision.hold}` : decision.outcome;
}

/**
 * Parses a file of cases, JSON or YAML. Reports all errors at once, each with its line and the name of its case. JSON is many
 * times as fast: only where something is wrong with it is it read as YAML, for the lines.
 */
export function parseCases(text: string, file: string): Parsed<Case[]> {
  const json = jsonIn(text);
  const quick = json === undefined ? undefined : fileSchema.safeParse(json.value);
  if (quick?.success) return { ok: true, value: quick.data.cases };
  const read = readYaml(text);
  if (!read.ok && json === undefined)
    return { ok: false, errors: read.errors.map((error) => fileError(file, error, undefined)) };
  const document = read.ok ? read.document : { value: json?.value, keys: [], keyErrors: [], lineOf: () => 0 };
  const shape = checkShape(document, fileSchema);
  const errors = [...document.keyErrors, ...(shape.ok ? [] : shape.errors)];
  if (shape.ok && errors.length === 0) return { ok: true, value: shape.value.cases };
  return { ok: false, errors: errors.map((error) => fileError(file, error, document.value)) };
}

function jsonIn(text: string): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function fileError(file: string, error: YamlError, value: unknown): FileError {
  const { path, line, expected, found } = error;
  const [first, index, ...rest] = path;
  const name = first === 'cases' && typeof index === 'number' ? nameOfCase(value, index) : undefined;
  const words = name === undefined ? path : [`case ${JSON.stringify(name)}`, ...rest];
  return { file, line, key: words.map(String).join('.'), expected, found };
}

const named = z.looseObject({ cases: z.array(z.unknown()) });
const withName = z.looseObject({ name: z.string().min(1) });

function nameOfCase(value: unknown, index: number): string | undefined {
  const file = named.safeParse(value);
  const one = withName.safeParse(file.success ? file.data.cases[index] : undefined);
  return one.success ? one.data.name : undefined;
}
