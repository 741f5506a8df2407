import * as z from 'zod';
import type { Hostname } from '../../protocol/names.ts';
import { type Glob, matchesGlob, parseHostPattern, patternText } from './globs.ts';
import { groupName } from './group-name.ts';
import { PIN_TAG, type PinTag, parsePinTag } from './pin-tag.ts';
import { type Parsed, parseYamlDocument } from './yaml-file.ts';

/** One entry of `nodes.yml`. */
export interface NodeEntry {
  /** The host or glob, lower-case. */
  readonly host: string;
  readonly groups: readonly string[];
  readonly tag: PinTag | null;
  /** Its place among the entries, in file order. */
  readonly index: number;
  /** 1-based. */
  readonly line: number;
}

/** `nodes.yml`: entries of single hosts are found by name, those of globs are looked through. */
export interface NodesFile {
  readonly exact: ReadonlyMap<Hostname, NodeEntry>;
  /** In file order. */
  readonly globs: readonly (NodeEntry & { readonly glob: Glob })[];
}

export const NO_NODES: NodesFile = { exact: new Map(), globs: [] };

const HOST = 'a host name, or a pattern of host names with * (within a label) or ** (across)';
const groups = z.array(groupName, 'a list of groups ([] means none)');
const entry = z.union(
  [
    groups,
    z.strictObject({
      groups: groups.optional(),
      tag: z
        .string(PIN_TAG)
        .refine((text) => parsePinTag(text) !== undefined, PIN_TAG)
        .optional(),
    }),
  ],
  'a list of groups ([] means none), or a mapping of groups and tag',
);
const nodesFile = z
  .record(
    z.string().refine((text) => parseHostPattern(text) !== undefined, HOST),
    entry,
  )
  .superRefine(checkHosts, { when: () => true });

/** Parses `nodes.yml`. */
export function parseNodes(text: string): Parsed<NodesFile> {
  const parsed = parseYamlDocument('nodes.yml', text, nodesFile);
  if (!parsed.ok) return parsed;
  const { value, keys, lineOf } = parsed.value;
  const exact = new Map<Hostname, NodeEntry>();
  const globs: (NodeEntry & { glob: Glob })[] = [];
  for (const [index, key] of keys.entries()) {
    const pattern = parseHostPattern(key);
    const written = value[key];
    if (!pattern || written === undefined) continue;
    const node = entryFrom(written, { host: patternText(pattern), index, line: lineOf([key]) });
    if (pattern.kind === 'exact') exact.set(pattern.hostname, node);
    // Not begun as a copy: each would have a shape of its own, and all hosts are held against all globs.
    else globs.push({ glob: pattern.glob, ...node });
  }
  return { ok: true, value: { exact, globs } };
}

/** The entries that match a host, in file order. */
export function entriesOf(nodes: NodesFile, hostname: Hostname): NodeEntry[] {
  const own = nodes.exact.get(hostname);
  const matching: NodeEntry[] = nodes.globs.filter((entry) => matchesGlob(entry.glob, hostname));
  return own ? [...matching, own].sort((a, b) => a.index - b.index) : matching;
}

function entryFrom(
  written: z.output<typeof entry>,
  place: { readonly host: string; readonly index: number; readonly line: number },
): NodeEntry {
  if (Array.isArray(written)) return { ...place, groups: written, tag: null };
  const tag = written.tag === undefined ? undefined : parsePinTag(written.tag);
  return { ...place, groups: written.groups ?? [], tag: tag ?? null };
}

/** `Web1.example.com` and `web1.example.com` are different keys of YAML and the same host. */
function checkHosts(value: unknown, context: z.core.$RefinementCtx<unknown>): void {
  const firstOf = new Map<string, string>();
  for (const key of typeof value === 'object' && value !== null ? Object.keys(value) : []) {
    const pattern = parseHostPattern(key);
    if (!pattern) continue;
    const host = patternText(pattern);
    const first = firstOf.get(host);
    if (first === undefined) firstOf.set(host, key);
    else {
      const found = `${JSON.stringify(key)}, which is ${JSON.stringify(first)} again`;
      context.addIssue({ code: 'custom', path: [key], message: 'each host once', params: { found } });
    }
  }
}
