import { type Document, isMap, isScalar, isSeq, LineCounter, type Node, type Pair, parseDocument } from 'yaml';
import type { ConfigFile } from './config-file.ts';
import { KEYS, type Key } from './keys.ts';
import type { Layer } from './merge.ts';

/** Understands the text of client.yml; all errors at once, each with its line. */
export function parseConfig(path: string, text: string): ConfigFile {
  const lines = new LineCounter();
  const document = documentOf(text, lines);
  if (document === undefined) return { ok: false, errors: [`${path}: expected settings, and found too much nested`] };
  const at = (offset: number | undefined): string =>
    `${path} line ${offset === undefined ? 1 : lines.linePos(offset).line}`;
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) return { ok: false, errors: broken.map(({ pos, message }) => `${at(pos[0])}: ${message}`) };
  const { contents } = document;
  if (contents === null) return { ok: true, layer: {} };
  if (!isMap(contents))
    return { ok: false, errors: [`${at(contents.range?.[0])}: expected settings as in "server: URL"`] };
  const layer: Layer = {};
  const errors: string[] = [];
  for (const pair of contents.items as Pair<Node, Node | null>[]) {
    const name = isScalar(pair.key) ? String(pair.key.value) : '';
    const where = at(pair.key.range?.[0]);
    const key = KEYS.find((known) => known.name === name);
    const texts = key === undefined ? undefined : textsOf(key, pair.value);
    if (key === undefined)
      errors.push(
        `${where}: unknown key ${JSON.stringify(name)}; known are ${KEYS.map((known) => known.name).join(', ')}`,
      );
    else if (texts === undefined) errors.push(`${where}: ${name}: expected ${key.expected}`);
    else layer[key.name] = { texts, where: `${where}: ${name}` };
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, layer };
}

/** Undefined where more is nested than the stack has room for. */
function documentOf(text: string, lineCounter: LineCounter): Document.Parsed | undefined {
  try {
    return parseDocument(text, { lineCounter, prettyErrors: false, schema: 'core', uniqueKeys: true });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function textsOf(key: Key, value: Node | null): string[] | undefined {
  if (key.kind === 'list' && isSeq(value)) {
    const texts = value.items.map((item) => (isScalar(item) ? scalarText(item.value) : undefined));
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  if (key.isMap && isMap(value)) {
    const texts = value.items.map((pair) => {
      const [name, given] = [pair.key, pair.value].map((node) => (isScalar(node) ? scalarText(node.value) : undefined));
      return name === undefined || given === undefined ? undefined : `${name}=${given}`;
    });
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  const text = isScalar(value) ? scalarText(value.value) : undefined;
  return text === undefined ? undefined : [text];
}

function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
