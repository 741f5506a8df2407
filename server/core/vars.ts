import * as z from 'zod';
import { RESERVED_NAMES } from './deploy.ts';
import { isEmptyYaml, type Parsed, parseYamlFile } from './yaml-file.ts';

/** What a template may use: plain values by name. */
export type Vars = Readonly<Record<string, unknown>>;

const vars = z
  .record(z.string(), z.unknown(), 'a mapping of names to values')
  .superRefine(checkNames, { when: () => true });

/** Parses one file of vars. One that says nothing means none. */
export function parseVars(file: string, text: string): Parsed<Vars> {
  return isEmptyYaml(text) ? { ok: true, value: {} } : parseYamlFile(file, text, vars);
}

function checkNames(value: unknown, context: z.core.$RefinementCtx<unknown>): void {
  const names = typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.keys(value) : [];
  for (const name of names.filter((name) => RESERVED_NAMES.has(name))) {
    const message = 'a name of its own (templates see hostname, environment, groups and facts beside the vars)';
    context.addIssue({ code: 'custom', path: [name], message, params: { found: JSON.stringify(name) } });
  }
}

/** Later ones win; mappings are merged key by key, everything else, lists too, is replaced. */
export function mergeVars(all: readonly Vars[]): Vars {
  return all.reduce<Vars>((merged, next) => mergeTwo(merged, next), {});
}

function mergeTwo(before: Vars, after: Vars): Vars {
  const merged: Record<string, unknown> = { ...before };
  for (const [name, value] of Object.entries(after)) {
    const known = Object.hasOwn(merged, name) ? merged[name] : undefined;
    merged[name] = isMapping(known) && isMapping(value) ? mergeTwo(known, value) : value;
  }
  return merged;
}

function isMapping(value: unknown): value is Vars {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
