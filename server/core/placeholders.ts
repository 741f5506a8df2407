import { parseRelativePath, type RelativePath } from '../../protocol/names.ts';
import type { NodeInputs } from './node-inputs.ts';

/** A path with placeholders, as `layers` and `vars` of `deploy.yml` have them: text and names in turn, text first. */
export interface PathPattern {
  /** As it is written. */
  readonly text: string;
  readonly parts: readonly (string | { readonly name: string })[];
}

/** What every node has. Anything else between braces is a fact. */
export const NODE_PLACEHOLDERS = ['hostname', 'environment', 'group'] as const;

/** Undefined for a text that is no relative path, or in which a brace is left over. */
export function parsePathPattern(text: string): PathPattern | undefined {
  const path = text.endsWith('/') ? text.slice(0, -1) : text;
  const parts = path
    .split(/(\{[A-Za-z_][A-Za-z0-9_]*\})/)
    .map((part, index) => (index % 2 === 0 ? part : { name: part.slice(1, -1) }));
  if (parts.some((part) => typeof part === 'string' && /[{}]/.test(part))) return undefined;
  return parseRelativePath(path) === undefined ? undefined : { text, parts };
}

export function placeholdersOf({ parts }: PathPattern): string[] {
  return parts.flatMap((part) => (typeof part === 'string' ? [] : [part.name]));
}

/**
 * The paths that a pattern stands for, of one node: one, or one a group where it has `{group}`, in the order of the node's
 * groups. None where a placeholder has no value, or one that is not a single segment of a path.
 */
export function expandPattern(pattern: PathPattern, node: NodeInputs): RelativePath[] {
  const isPerGroup = pattern.parts.some((part) => typeof part !== 'string' && part.name === 'group');
  const groups = isPerGroup ? node.groups : [undefined];
  return groups.flatMap((group) => expanded(pattern, node, group) ?? []);
}

function expanded({ parts }: PathPattern, node: NodeInputs, group: string | undefined): RelativePath | undefined {
  let path = '';
  for (const part of parts) {
    const value = typeof part === 'string' ? part : segment(nodeValue(part.name, node, group));
    if (value === undefined) return undefined;
    path += value;
  }
  return parseRelativePath(path);
}

function nodeValue(name: string, { hostname, environment, facts }: NodeInputs, group: string | undefined) {
  if (name === 'hostname') return hostname;
  if (name === 'environment') return environment;
  if (name === 'group') return group;
  return Object.hasOwn(facts, name) ? facts[name] : undefined;
}

/** A value never leads out of its segment, whatever a host says of itself. */
function segment(value: string | undefined): string | undefined {
  if (value === undefined || value.includes('/') || value === '.' || value === '..') return undefined;
  return parseRelativePath(value);
}

/**
 * A test for the paths that a pattern can stand for, of whatever node. Takes at most length of path times length of pattern
 * steps: a regular expression with many placeholders in one segment would take years.
 */
export function patternMatcher({ parts }: PathPattern): (path: string) => boolean {
  const segments = parts
    .map((part) => (typeof part === 'string' ? part : '\0'))
    .join('')
    .split('/')
    .map((segment) => segment.split('\0'));
  return (path) => {
    const found = path.split('/');
    return found.length === segments.length && segments.every((texts, at) => matchesSegment(texts, found[at] ?? ''));
  };
}

/** Whether a segment has these texts, in order, with at least one character between each two: each is taken where it comes first. */
function matchesSegment([first = '', ...others]: readonly string[], segment: string): boolean {
  const last = others.pop();
  if (last === undefined) return segment === first;
  if (!segment.startsWith(first)) return false;
  let at = first.length;
  for (const text of others) {
    const found = segment.indexOf(text, afterCharacter(segment, at));
    if (found === -1) return false;
    at = found + text.length;
  }
  return afterCharacter(segment, at) <= segment.length - last.length && segment.endsWith(last);
}

function afterCharacter(text: string, at: number): number {
  return at + ((text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1);
}
