import { Composer, type CST, type Document, Lexer, LineCounter, Parser, type YAMLError } from 'yaml';
import { oneLine } from './wording.ts';
import { readNodes } from './yaml-nodes.ts';

export const YAML_LIMIT_BYTES = 1024 * 1024;
/** Parser and composer are recursive: what nests deeper than any control file would exhaust the stack. */
const DEPTH_LIMIT = 64;
/** What the parser has begun and not ended: a document, what nests in it, and in that a scalar. */
const OPEN_LIMIT = DEPTH_LIMIT + 4;

export type YamlPath = readonly PropertyKey[];

export interface YamlError {
  readonly path: YamlPath;
  /** 1-based. */
  readonly line: number;
  readonly expected: string;
  readonly found: string;
}

/** A YAML document as plain values, together with where they stand in the text. */
export interface YamlDocument {
  /** Null for a text without content. Only plain objects, arrays, strings, numbers, booleans and null. */
  readonly value: unknown;
  /** Of the outermost mapping, in file order. */
  readonly keys: readonly string[];
  /** The line of the key or list entry at a path; where there is none, of what is around it. */
  readonly lineOf: (path: YamlPath) => number;
  /** Keys that are written twice or cannot be used: the values may be looked at, the file is not valid. */
  readonly keyErrors: readonly YamlError[];
}

type Reading = { ok: true; document: YamlDocument } | { ok: false; errors: YamlError[] };

const OPTIONS = { schema: 'core', merge: false, resolveKnownTags: false, uniqueKeys: false, stringKeys: true } as const;

/** Reads one YAML 1.2 document whose keys are all text. Takes bounded time and memory whatever the text. */
export function readYaml(text: string): Reading {
  const tooBig = sizeError(text);
  if (tooBig) return { ok: false, errors: [tooBig] };
  const lines = new LineCounter();
  const tokens = tokensOf(text, lines);
  if (!Array.isArray(tokens)) return { ok: false, errors: [tokens] };
  const tooDeep = depthError(tokens, lines);
  if (tooDeep) return { ok: false, errors: [tooDeep] };
  const composer = new Composer({ ...OPTIONS, lineCounter: lines, prettyErrors: false });
  const documents = [...composer.compose(tokens, true, text.length)];
  const errors = syntaxErrors(documents, lines);
  if (errors.length > 0) return { ok: false, errors };
  const { unusable, ...document } = readNodes(documents[0]?.contents ?? null, lines);
  return unusable.length > 0 ? { ok: false, errors: unusable } : { ok: true, document };
}

function sizeError(text: string): YamlError | undefined {
  const size = Buffer.byteLength(text);
  if (size > YAML_LIMIT_BYTES)
    return { path: [], line: 1, expected: 'a file of at most 1 MiB', found: `${size} bytes` };
  const nul = text.indexOf('\0');
  if (nul === -1) return undefined;
  return { path: [], line: text.slice(0, nul).split('\n').length, expected: 'text', found: 'a NUL byte' };
}

/** As `Parser.parse` does it, but no further than it can end what it has begun. */
function tokensOf(text: string, lines: LineCounter): CST.Token[] | YamlError {
  const parser = new Parser(lines.addNewLine);
  const tokens: CST.Token[] = [];
  lines.addNewLine(0);
  for (const lexeme of new Lexer().lex(text)) {
    tokens.push(...parser.next(lexeme));
    if (parser.stack.length > OPEN_LIMIT) return tooDeepAt(parser.offset, lines);
  }
  return [...tokens, ...parser.end()];
}

function tooDeepAt(offset: number, lines: LineCounter): YamlError {
  const { line } = lines.linePos(offset);
  return { path: [], line, expected: `at most ${DEPTH_LIMIT} levels of nesting`, found: 'more' };
}

function depthError(tokens: readonly CST.Token[], lines: LineCounter): YamlError | undefined {
  const open = tokens.map((token) => ({ token, depth: 0 }));
  for (let next = open.pop(); next; next = open.pop()) {
    const { token, depth } = next;
    if (depth > DEPTH_LIMIT) return tooDeepAt(token.offset, lines);
    for (const inner of tokensIn(token)) open.push({ token: inner, depth: depth + 1 });
  }
  return undefined;
}

function tokensIn(token: CST.Token): CST.Token[] {
  const inner =
    token.type === 'document' ? [token.value] : 'items' in token ? token.items.flatMap((i) => [i.key, i.value]) : [];
  return inner.filter((one) => one !== undefined && one !== null);
}

function syntaxErrors(documents: readonly Document.Parsed[], lines: LineCounter): YamlError[] {
  const [first, second] = documents;
  const errors = [...(first?.errors ?? []), ...(first?.warnings ?? [])].map((error) => syntaxError(error, lines));
  if (second) {
    const line = lines.linePos(second.range[0]).line;
    errors.push({ path: [], line, expected: 'one document', found: 'a second one' });
  }
  return errors;
}

function syntaxError(error: YAMLError, lines: LineCounter): YamlError {
  return {
    path: [],
    line: lines.linePos(error.pos[0]).line,
    expected: 'valid YAML',
    // It may repeat much of the file.
    found: `a mistake: ${oneLine(error.message)}`,
  };
}
