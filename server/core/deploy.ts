import * as z from 'zod';
import type { Hook, Probe } from '../../protocol/hooks.ts';
import { isAccountName } from '../../protocol/manifest.ts';
import { pathGlob } from '../../protocol/path-globs.ts';
import { deployHook, deployProbe, type Where } from './deploy-hooks.ts';
import { NODE_PLACEHOLDERS, type PathPattern, parsePathPattern, placeholdersOf } from './placeholders.ts';
import { type Parsed, parseYamlDocument } from './yaml-file.ts';

/** Permissions, owner and group of the files that a glob matches. */
export interface FileRule {
  readonly matches: (path: string) => boolean;
  /** Four octal digits. */
  readonly perm?: string;
  readonly owner?: string;
  readonly group?: string;
}

/** `deploy.yml`: how the views of a tree are made. */
export interface Deploy {
  /** Null = one layer, the whole tree. */
  readonly layers: readonly PathPattern[] | null;
  readonly vars: readonly PathPattern[];
  readonly facts: readonly string[];
  /** In file order. */
  readonly files: readonly FileRule[];
  readonly exclude: readonly ((path: string) => boolean)[];
  readonly hooks: readonly { readonly hook: Hook; readonly where: Where }[];
  readonly verify: readonly { readonly probe: Probe; readonly where: Where }[];
}

export const DEPLOY_FILE = 'deploy.yml';
/** What templates see beside the vars, so that no vars file may say it; and what LiquidJS takes for values. */
export const RESERVED_NAMES: ReadonlySet<string> = new Set([
  'hostname',
  'environment',
  'groups',
  'group',
  'facts',
  'forloop',
  'tablerowloop',
  'true',
  'false',
  'nil',
  'null',
  'empty',
  'blank',
]);

const FACT = 'the name of a fact: letters, digits and underscores, a letter first, up to 100';
const PERM = 'three or four octal digits in quotes, as in "0440" (a bare number means something else in YAML)';
const ACCOUNT = 'the name of a user or group, or its number in quotes';
const GLOB = 'a glob of paths, relative and without ".."';

const pattern = (what: string) =>
  z.string(what).transform((text, context) => {
    const parsed = parsePathPattern(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: what });
    return z.NEVER;
  });
const glob = z.string(GLOB).refine((text) => pathGlob(text) !== undefined, GLOB);
const account = z.string(ACCOUNT).refine(isAccountName, ACCOUNT);
const attributes = z
  .strictObject({
    perm: z
      .string(PERM)
      .regex(/^[0-7]{3,4}$/, PERM)
      .transform((text) => text.padStart(4, '0'))
      .optional(),
    owner: account.optional(),
    group: account.optional(),
  })
  .refine((given) => Object.keys(given).length > 0, 'perm, owner or group');

const deploy = z
  .strictObject({
    layers: z
      .array(pattern('a directory, with placeholders such as {environment}'), 'a list of directories')
      .min(1, 'at least one directory; without the key the whole tree is one layer')
      .optional(),
    vars: z.array(pattern('a file, with placeholders such as {environment}'), 'a list of files').optional(),
    facts: z
      .array(
        z
          .string(FACT)
          .regex(/^[A-Za-z][A-Za-z0-9_]{0,99}$/, FACT)
          .refine((name) => !RESERVED_NAMES.has(name), 'the name of a fact, and not one that every node has'),
        'a list of facts',
      )
      .optional(),
    files: z.record(glob, attributes, 'a mapping of globs to perm, owner and group').optional(),
    exclude: z.array(glob, 'a list of globs').optional(),
    hooks: z.array(deployHook, 'a list of hooks').optional(),
    verify: z.array(deployProbe, 'a list of probes').optional(),
  })
  .superRefine(checkPlaceholders, { when: () => true });

/** Parses `deploy.yml`. */
export function parseDeploy(text: string): Parsed<Deploy> {
  const parsed = parseYamlDocument(DEPLOY_FILE, text, deploy);
  if (!parsed.ok) return parsed;
  const { value, lineOf } = parsed.value;
  // JavaScript moves keys that look like numbers to the front, and of several rules the last counts.
  const files = Object.entries(value.files ?? {}).sort(([a], [b]) => lineOf(['files', a]) - lineOf(['files', b]));
  return {
    ok: true,
    value: {
      layers: value.layers ?? null,
      vars: value.vars ?? [],
      facts: value.facts ?? [],
      files: files.map(([text, { perm, owner, group }]) => ({
        matches: matcher(text),
        ...(perm === undefined ? {} : { perm }),
        ...(owner === undefined ? {} : { owner }),
        ...(group === undefined ? {} : { group }),
      })),
      exclude: (value.exclude ?? []).map(matcher),
      hooks: value.hooks ?? [],
      verify: value.verify ?? [],
    },
  };
}

function matcher(text: string): (path: string) => boolean {
  const matches = pathGlob(text);
  if (matches === undefined) throw new Error(`${JSON.stringify(text)} is no glob: it did not come from parseDeploy`);
  return matches;
}

/** The value may be anything: rules are checked beside shapes, to tell all errors at once. */
function checkPlaceholders(value: unknown, context: z.core.$RefinementCtx<unknown>): void {
  const { layers, vars, facts } = recordOf(value);
  const known = new Set<unknown>([...NODE_PLACEHOLDERS, ...(Array.isArray(facts) ? facts : [])]);
  for (const [key, list] of Object.entries({ layers, vars })) {
    for (const [index, item] of Array.isArray(list) ? list.entries() : []) {
      const parsed = patternOf(item);
      const unknown = (parsed === undefined ? [] : placeholdersOf(parsed)).filter((name) => !known.has(name));
      if (unknown.length === 0) continue;
      context.addIssue({
        code: 'custom',
        path: [key, index],
        message: `placeholders among {${[...known].join('}, {')}}; a fact must be named in facts`,
        params: { found: unknown.map((name) => `{${name}}`).join(', ') },
      });
    }
  }
}

function patternOf(item: unknown): PathPattern | undefined {
  if (typeof item === 'string') return parsePathPattern(item);
  const { text } = recordOf(item);
  return typeof text === 'string' ? parsePathPattern(text) : undefined;
}

function recordOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}
