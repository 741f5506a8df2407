import { readFileSync, statSync } from 'node:fs';
import type { LineCounter, Node, Pair } from 'yaml';
import { KEYS, type Key } from './keys.ts';
import type { Layer } from './merge.ts';

export type ConfigFile =
  | { readonly ok: true; readonly layer: Layer }
  | { readonly ok: false; readonly errors: readonly string[] };

const LIMIT_BYTES = 1024 * 1024;

/** Reads client.yml. A file that is missing is fine unless it was asked for by name. */
export async function readConfigFile(path: string, { required }: { readonly required: boolean }): Promise<ConfigFile> {
  let text: string;
  try {
    if (statSync(path).size > LIMIT_BYTES) return { ok: false, errors: [`${path}: expected at most 1 MiB`] };
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return { ok: true, layer: {} };
    return { ok: false, errors: [`${path}: cannot be read: ${code === 'ENOENT' ? 'there is no such file' : message}`] };
  }
  return parseConfig(path, text);
}

/** Understands the text of client.yml; all errors at once, each with its line. Loads the parser only now: most hosts have flags. */
export async function parseConfig(path: string, text: string): Promise<ConfigFile> {
  const yaml = await import('yaml');
  const lines = new yaml.LineCounter();
  const document = yaml.parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    schema: 'core',
    uniqueKeys: true,
  });
  const at = (offset: number | undefined): string =>
    `${path} line ${offset === undefined ? 1 : lines.linePos(offset).line}`;
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) return { ok: false, errors: broken.map(({ pos, message }) => `${at(pos[0])}: ${message}`) };
  const { contents } = document;
  if (contents === null) return { ok: true, layer: {} };
  if (!yaml.isMap(contents))
    return { ok: false, errors: [`${at(contents.range?.[0])}: expected settings as in "server: URL"`] };
  const layer: Layer = {};
  const errors: string[] = [];
  for (const pair of contents.items as Pair<Node, Node | null>[]) {
    const name = yaml.isScalar(pair.key) ? String(pair.key.value) : '';
    const where = at(pair.key.range?.[0]);
    const key = KEYS.find((known) => known.name === name);
    const texts = key === undefined ? undefined : textsOf(yaml, key, pair.value);
    if (key === undefined)
      errors.push(
        `${where}: unknown key ${JSON.stringify(name)}; known are ${KEYS.map((known) => known.name).join(', ')}`,
      );
    else if (texts === undefined) errors.push(`${where}: ${name}: expected ${key.expected}`);
    else layer[key.name] = { texts, where: `${where}: ${name}` };
  }
  return errors.length > 0 ? { ok: false, errors } : { ok: true, layer };
}

type Yaml = typeof import('yaml') & { LineCounter: typeof LineCounter };

function textsOf(yaml: Yaml, key: Key, value: Node | null): string[] | undefined {
  if (key.kind === 'list' && yaml.isSeq(value)) {
    const texts = value.items.map((item) => (yaml.isScalar(item) ? scalarText(item.value) : undefined));
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  if (key.isMap && yaml.isMap(value)) {
    const texts = value.items.map((pair) => {
      const [name, given] = [pair.key, pair.value].map((node) =>
        yaml.isScalar(node) ? scalarText(node.value) : undefined,
      );
      return name === undefined || given === undefined ? undefined : `${name}=${given}`;
    });
    return texts.every((text) => text !== undefined) ? texts : undefined;
  }
  const text = yaml.isScalar(value) ? scalarText(value.value) : undefined;
  return text === undefined ? undefined : [text];
}

function scalarText(value: unknown): string | undefined {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
    ? String(value)
    : undefined;
}
