import {
  type Alias,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  type LineCounter,
  type Node,
  type YAMLMap,
  type YAMLSeq,
} from 'yaml';
import type { YamlDocument, YamlError, YamlPath } from './yaml-document.ts';

/** Entries after aliases are followed, so that nine lines cannot stand for a billion values. */
const SIZE_LIMIT = 1_000_000;

interface Entry {
  /** Where the key stands in the text. */
  readonly offset: number;
  readonly node: Node | null;
}

/** What is known while the nodes are followed once, from top to bottom. */
interface Walk {
  readonly lines: LineCounter;
  readonly entries: Map<YAMLMap, Map<string, Entry>>;
  readonly anchors: Map<string, { readonly node: Node; readonly value: unknown; readonly size: number }>;
  readonly targets: Map<Alias, Node>;
  readonly keyErrors: YamlError[];
  readonly unusable: YamlError[];
  size: number;
}

/**
 * The plain values of a document. An alias gives the same object as its anchor, so shared parts cost nothing here; what
 * looks at them entry by entry is protected by the limit on the size. `unusable` is what forbids using the values.
 */
export function readNodes(root: Node | null, lines: LineCounter): YamlDocument & { unusable: YamlError[] } {
  const walk: Walk = {
    lines,
    entries: new Map(),
    anchors: new Map(),
    targets: new Map(),
    keyErrors: [],
    unusable: [],
    size: 0,
  };
  const value = plainValue(root, [], walk);
  const lineOf = (path: YamlPath) => lines.linePos(offsetOf(root, path, walk)).line || 1;
  const keys = isMap(root) ? [...(walk.entries.get(root)?.keys() ?? [])] : [];
  return { value, keys, lineOf, keyErrors: walk.keyErrors, unusable: walk.unusable };
}

function plainValue(node: Node | null, path: YamlPath, walk: Walk): unknown {
  if (node === null || walk.unusable.length > 0) return null;
  if (isAlias(node)) return aliasValue(node, path, walk);
  const before = walk.size;
  grow(node, 1, walk);
  const anchor = isScalar(node) || isMap(node) || isSeq(node) ? node.anchor : undefined;
  if (anchor !== undefined) walk.anchors.delete(anchor);
  const value = isMap(node) ? mapValue(node, path, walk) : isSeq(node) ? seqValue(node, path, walk) : scalarValue(node);
  if (anchor !== undefined) walk.anchors.set(anchor, { node, value, size: walk.size - before });
  return value;
}

function aliasValue(alias: Alias, path: YamlPath, walk: Walk): unknown {
  const anchor = walk.anchors.get(alias.source);
  if (!anchor) {
    const line = lineAt(alias, walk);
    walk.unusable.push({ path, line, expected: 'an anchor that was set before', found: `*${alias.source}` });
    return null;
  }
  walk.targets.set(alias, anchor.node);
  grow(alias, anchor.size, walk);
  return anchor.value;
}

function grow(node: Node, size: number, walk: Walk): void {
  walk.size += size;
  if (walk.size <= SIZE_LIMIT || walk.unusable.length > 0) return;
  const expected = `at most ${SIZE_LIMIT} values when aliases are followed`;
  walk.unusable.push({ path: [], line: lineAt(node, walk), expected, found: 'more' });
}

function scalarValue(node: Node): unknown {
  const value: unknown = isScalar(node) ? node.value : null;
  return typeof value === 'bigint' ? Number(value) : value;
}

function seqValue(seq: YAMLSeq, path: YamlPath, walk: Walk): unknown[] {
  return seq.items.map((item, index) => plainValue(nodeOf(item), [...path, index], walk));
}

function mapValue(map: YAMLMap, path: YamlPath, walk: Walk): Record<string, unknown> {
  const known = new Map<string, Entry>();
  walk.entries.set(map, known);
  const values: [string, unknown][] = [];
  for (const { key: keyNode, value: valueNode } of map.items) {
    const key = isScalar(keyNode) ? String(keyNode.value) : '';
    const entry = {
      offset: isScalar(keyNode) ? (keyNode.range?.[0] ?? 0) : (map.range?.[0] ?? 0),
      node: nodeOf(valueNode),
    };
    const wrong = keyError(key, known.get(key), walk);
    if (wrong) {
      const line = walk.lines.linePos(entry.offset).line;
      walk.keyErrors.push({ path: [...path, key], line, expected: 'each key once', found: wrong });
    } else known.set(key, entry);
    values.push([key, plainValue(entry.node, [...path, key], walk)]);
  }
  return Object.fromEntries(values);
}

/** What forbids a key, in words. JavaScript's own `__proto__` would be dropped without a word. */
function keyError(key: string, first: Entry | undefined, walk: Walk): string | undefined {
  if (first) return `${JSON.stringify(key)} again (first on line ${walk.lines.linePos(first.offset).line})`;
  return key === '__proto__' ? 'the unusable key "__proto__"' : undefined;
}

function offsetOf(root: Node | null, path: YamlPath, walk: Walk): number {
  let node = root;
  let offset = root?.range?.[0] ?? 0;
  for (const step of path) {
    const here = node && isAlias(node) ? (walk.targets.get(node) ?? null) : node;
    if (here && isMap(here)) {
      const entry = walk.entries.get(here)?.get(String(step));
      if (!entry) return offset;
      [offset, node] = [entry.offset, entry.node];
    } else if (here && isSeq(here)) {
      node = nodeOf(here.items[Number(step)]);
      offset = node?.range?.[0] ?? offset;
    } else return offset;
  }
  return offset;
}

function nodeOf(item: unknown): Node | null {
  return isAlias(item) || isScalar(item) || isMap(item) || isSeq(item) ? item : null;
}

function lineAt(node: Node, walk: Walk): number {
  return walk.lines.linePos(node.range?.[0] ?? 0).line;
}
