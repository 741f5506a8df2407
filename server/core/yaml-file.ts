import type * as z from 'zod';
import type { FileError } from './problem.ts';
import { readYaml, type YamlPath } from './yaml-document.ts';
import { checkShape } from './yaml-shape.ts';

/** What a file means, or everything that is wrong with it. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly errors: readonly FileError[] };

/** As many errors as anybody would read. */
const ERROR_LIMIT = 500;

/**
 * Parses a YAML control file of at most 1 MiB against a schema and reports all errors at once, each with its line. A text
 * without content is an error like any other (`{}` says "none"). Messages of the schema say what is expected, as in
 * `z.string('a host name')`; a custom issue may say what was found instead of its value as `params: { found }`.
 */
export function parseYamlFile<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
): Parsed<z.output<Schema>> {
  const parsed = parseYamlDocument(file, text, schema);
  return parsed.ok ? { ok: true, value: parsed.value.value } : parsed;
}

export interface ValidDocument<Value> {
  readonly value: Value;
  /** Of a mapping, in file order (JavaScript moves keys that look like numbers to the front). */
  readonly keys: readonly string[];
  /** 1-based line of the key or list entry at a path. */
  readonly lineOf: (path: YamlPath) => number;
}

/** As `parseYamlFile`, with where things stand in the text. */
export function parseYamlDocument<Schema extends z.ZodType>(
  file: string,
  text: string,
  schema: Schema,
): Parsed<ValidDocument<z.output<Schema>>> {
  const reading = readYaml(text);
  if (!reading.ok) return { ok: false, errors: fileErrors(file, reading.errors) };
  const { document } = reading;
  const shape = checkShape(document, schema);
  const errors = [...document.keyErrors, ...(shape.ok ? [] : shape.errors)];
  if (!shape.ok || errors.length > 0) return { ok: false, errors: fileErrors(file, errors) };
  return { ok: true, value: { value: shape.value, keys: document.keys, lineOf: document.lineOf } };
}

/** A text that says nothing, be it without a character or all comments, as against one that says "none" (`{}`). */
export function isEmptyYaml(text: string): boolean {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  return lines.every((line) => SAYS_NOTHING.test(line));
}

/** A blank line, a comment, or the marks between documents. */
const SAYS_NOTHING = /^(\s*|\s*#.*|(---|\.\.\.)\s*(#.*)?)$/;

interface Located {
  readonly path: readonly PropertyKey[];
  readonly line: number;
  readonly expected: string;
  readonly found: string;
}

function fileErrors(file: string, errors: readonly Located[]): FileError[] {
  const sorted = [...errors].sort((a, b) => a.line - b.line);
  const told = sorted.slice(0, ERROR_LIMIT).map(({ path, line, expected, found }) => ({
    file,
    line,
    key: path.map(String).join('.'),
    expected,
    found,
  }));
  const next = sorted[ERROR_LIMIT];
  const found = `${sorted.length - ERROR_LIMIT} more errors`;
  return next ? [...told, { file, line: next.line, key: '', expected: 'no errors', found }] : told;
}
