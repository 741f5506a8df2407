import * as z from 'zod/mini';
import { pathGlob } from './path-globs.ts';

/** The entry of a view that has the hooks that apply to the node: what runs as root is covered by the digest. */
export const HOOKS_PATH = '.tagwave/hooks.json';

/** A line for `/bin/sh -c`, or a program and its arguments. Nothing is ever put into either: what varies is in variables. */
export const commandSchema = z.union([
  z.string().check(z.minLength(1), z.maxLength(8192)),
  z.array(z.string().check(z.maxLength(8192))).check(z.minLength(1), z.maxLength(256)),
]);
export type HookCommand = z.infer<typeof commandSchema>;

const seconds = (most: number) => z.number().check(z.gte(0), z.lte(most));

/** Asked until it succeeds: exactly one of `command`, `http` and `tcp`. */
export const probeSchema = z
  .strictObject({
    command: z.optional(commandSchema),
    /** A URL that must answer `status`, or any 2xx. */
    http: z.optional(z.string().check(z.regex(/^https?:\/\/[^\s]+$/, 'expected an http or https URL'))),
    status: z.optional(z.int().check(z.gte(100), z.lte(599))),
    /** `HOST:PORT` that must take a connection. */
    tcp: z.optional(z.string().check(z.regex(/^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'expected HOST:PORT'))),
    /** How long after activation the first question comes (0). */
    grace_seconds: z.optional(seconds(3600)),
    /** How often it is asked again after a failure (3). */
    retries: z.optional(z.int().check(z.gte(0), z.lte(100))),
    /** Between two questions (2). */
    interval_seconds: z.optional(seconds(3600)),
    /** Of one question (10). */
    timeout_seconds: z.optional(seconds(3600)),
  })
  .check(
    z.refine(
      ({ command, http, tcp }) => [command, http, tcp].filter((one) => one !== undefined).length === 1,
      'expected exactly one of command, http and tcp',
    ),
  );
export type Probe = z.infer<typeof probeSchema>;

const glob = z.string().check(z.refine((text) => pathGlob(text) !== undefined, 'expected a relative path or glob'));

/** What is done on the host around the activation of a release. */
export const hookSchema = z.strictObject({
  /** Globs of paths: the hook is for releases in which one of them was added, changed or removed. Without: for each. */
  when: z.optional(z.array(glob).check(z.minLength(1))),
  /** Must succeed on the staged release before it may be activated; a failure is tried again with the next run. */
  stage: z.optional(commandSchema),
  /** Sees the staged release before anything is activated. */
  test: z.optional(commandSchema),
  /** After the activation, once each, in order. */
  run: z.optional(commandSchema),
  verify: z.optional(probeSchema),
  /** Before a release is deleted. */
  clean: z.optional(commandSchema),
  /** Of each command (60). */
  timeout_seconds: z.optional(seconds(3600)),
});
export type Hook = z.infer<typeof hookSchema>;

export const hooksFileSchema = z.strictObject({
  hooks: z.array(hookSchema),
  /** Asked after every activation, after the hooks. */
  verify: z.array(probeSchema),
});
export type HooksFile = z.infer<typeof hooksFileSchema>;

export const NO_HOOKS: HooksFile = { hooks: [], verify: [] };

/** The entry's bytes: JSON with sorted keys and without spaces, so that equal hooks have an equal digest. */
export function hooksBytes(file: HooksFile): Buffer {
  return Buffer.from(JSON.stringify(sorted(file)));
}

/** Undefined for bytes that are no hooks of this version: whoever reads them must not go on as if there were none. */
export function parseHooks(bytes: Uint8Array): HooksFile | undefined {
  try {
    const parsed = hooksFileSchema.safeParse(JSON.parse(Buffer.from(bytes).toString('utf8')));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, field]) => [key, sorted(field)]));
}
