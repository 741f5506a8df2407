import * as z from 'zod';
import { withoutSecrets } from './masking.ts';
import { nearest } from './nearest.ts';
import type { YamlDocument, YamlError, YamlPath } from './yaml-document.ts';

type Shape<Value> = { ok: true; value: Value } | { ok: false; errors: YamlError[] };

/** Checks the values of a document against a schema and says where and how they differ, in plain words. */
export function checkShape<Schema extends z.ZodType>(document: YamlDocument, schema: Schema): Shape<z.output<Schema>> {
  const knownKeys = new Map<unknown, readonly string[]>();
  const result = schema.safeParse(document.value, {
    error: (issue) => {
      if (issue.code === 'unrecognized_keys' && issue.inst instanceof z.ZodObject)
        knownKeys.set(issue.input, Object.keys(issue.inst.shape));
      return expectedBy(issue);
    },
  });
  if (result.success) return { ok: true, value: result.data };
  const errors = result.error.issues.flatMap((issue) => errorsOf(issue, [], { document, knownKeys }));
  return { ok: false, errors };
}

/** A whole number. (Zod's own gives up on everything around a fraction, so that other errors would go untold.) */
export function wholeNumber(
  expected: string,
  { min, max }: { readonly min: number; readonly max: number },
): z.ZodNumber {
  return z.number(expected).refine((value) => Number.isSafeInteger(value) && value >= min && value <= max, expected);
}

interface Context {
  readonly document: YamlDocument;
  /** By the object that has unknown keys. */
  readonly knownKeys: ReadonlyMap<unknown, readonly string[]>;
}

function errorsOf(issue: z.core.$ZodIssue, around: YamlPath, context: Context): YamlError[] {
  const { document } = context;
  const path = [...around, ...issue.path];
  const at = (expected: string, found: string) => ({ path, line: document.lineOf(path), expected, found });
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(key, path, context));
  if (issue.code === 'invalid_key')
    return [at(issue.issues[0]?.message ?? issue.message, JSON.stringify(String(path.at(-1))))];
  if (issue.code === 'invalid_union') {
    const meant = meantBranch(issue.errors);
    if (meant) return meant.flatMap((inner) => errorsOf(inner, path, context));
  }
  const found: unknown = issue.code === 'custom' ? issue.params?.['found'] : undefined;
  return [at(issue.message, typeof found === 'string' ? found : wordsFor(valueAt(document.value, path)))];
}

/** The alternative whose outer form fits: what is wrong inside it is what the writer wants to know. */
function meantBranch(branches: readonly z.core.$ZodIssue[][]): z.core.$ZodIssue[] | undefined {
  return branches.find((issues) =>
    issues.every((issue) => issue.path.length > 0 || issue.code === 'unrecognized_keys'),
  );
}

function unknownKey(key: string, path: YamlPath, { document, knownKeys }: Context): YamlError {
  const known = knownKeys.get(valueAt(document.value, path)) ?? [];
  const likely = nearest(key, known);
  const question = likely === undefined ? '' : `; did you mean ${JSON.stringify(likely)}?`;
  return {
    path: [...path, key],
    line: document.lineOf([...path, key]),
    expected: known.length === 1 ? `no key but ${known[0]}` : `one of the keys ${known.join(', ')}`,
    found: `the unknown key ${JSON.stringify(withoutSecrets(key))}${question}`,
  };
}

function valueAt(value: unknown, path: YamlPath): unknown {
  let here = value;
  for (const step of path) {
    if (typeof here !== 'object' || here === null || !Object.hasOwn(here, step)) return undefined;
    here = Reflect.get(here, step);
  }
  return here;
}

/** A value as an error names it: short, on one line. */
export function wordsFor(value: unknown): string {
  if (value === undefined || value === null) return 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (typeof value === 'object') return 'a mapping';
  const text = typeof value === 'string' ? JSON.stringify(withoutSecrets(value)) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}

const TYPES: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a mapping',
  record: 'a mapping ({} means none)',
};

/** What was expected, where the schema does not say it in its own words. */
function expectedBy(issue: z.core.$ZodRawIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return TYPES[issue.expected] ?? issue.expected;
    case 'invalid_value':
      return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(', ')}`;
    case 'too_small':
      return `at least ${issue.minimum}${issue.origin === 'array' ? ' entries' : ''}`;
    case 'too_big':
      return `at most ${issue.maximum}${issue.origin === 'array' ? ' entries' : ''}`;
    default:
      return 'something else';
  }
}
