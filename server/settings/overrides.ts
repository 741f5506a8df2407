import * as z from 'zod';
import type { FileError } from '../core/problem.ts';
import { wordsFor } from '../core/yaml-shape.ts';
import { SETTING_KEYS, type SettingKey, shapeOf } from './schema.ts';

/** A setting's value and who set it, for errors that show only when all are put together. */
export interface SetValue {
  readonly value: unknown;
  readonly by: Pick<FileError, 'file' | 'line' | 'key'>;
}

export interface Overrides {
  readonly set: ReadonlyMap<SettingKey, SetValue>;
  readonly errors: readonly FileError[];
}

/** `repo.poll_seconds` → `TAGWAVE_REPO_POLL_SECONDS`. */
export function variableOf(key: SettingKey): string {
  return `TAGWAVE_${key.replaceAll('.', '_').toUpperCase()}`;
}

/** `repo.poll_seconds` → `--repo-poll-seconds`. */
export function flagOf(key: SettingKey): string {
  return `--${key.replaceAll(/[._]/g, '-')}`;
}

/** Settings from the environment. Unknown variables are ignored: hooks export some. An empty one counts as not set. */
export function fromEnvironment(env: Readonly<Record<string, string | undefined>>): Overrides {
  return overrides('environment', variableOf, (key) => env[variableOf(key)] || undefined);
}

/** Settings from the command line, as text or already as a value. */
export function fromFlags(flags: Readonly<Partial<Record<SettingKey, unknown>>>): Overrides {
  return overrides('command line', flagOf, (key) => flags[key]);
}

function overrides(
  file: string,
  nameOf: (key: SettingKey) => string,
  givenFor: (key: SettingKey) => unknown,
): Overrides {
  const set = new Map<SettingKey, SetValue>();
  const errors: FileError[] = [];
  for (const key of SETTING_KEYS) {
    const given = givenFor(key);
    if (given === undefined) continue;
    const by = { file, line: 0, key: nameOf(key) };
    const shape = shapeOf(key);
    const result = shape.safeParse(typeof given === 'string' ? valueFromText(shape, given) : given, {
      error: expected,
    });
    if (result.success) set.set(key, { value: result.data, by });
    else errors.push({ ...by, expected: result.error.issues[0]?.message ?? 'another value', found: wordsFor(given) });
  }
  return { set, errors };
}

/** What does not look like a value of its kind stays text and is told as it was written. */
function valueFromText(shape: z.ZodType, text: string): unknown {
  const trimmed = text.trim();
  if (shape instanceof z.ZodNumber) return /^\d+(\.\d+)?$/.test(trimmed) ? Number(trimmed) : text;
  if (shape instanceof z.ZodUnion) return /^\d+$/.test(trimmed) ? Number(trimmed) : trimmed;
  if (shape instanceof z.ZodBoolean) return trimmed === 'true' || (trimmed === 'false' ? false : text);
  if (shape instanceof z.ZodArray) return trimmed.startsWith('[') ? fromJson(trimmed) : trimmed.split(/\s+/);
  return text;
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function expected(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type' && issue.expected === 'boolean') return 'true or false';
  if (issue.code !== 'invalid_value') return undefined;
  return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
}
