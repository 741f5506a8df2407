import * as z from 'zod';
import {
  HOOKS_PATH,
  type Hook,
  type HookCommand,
  type HooksFile,
  hooksBytes,
  type Probe,
} from '../../protocol/hooks.ts';
import { pathGlob } from '../../protocol/path-globs.ts';
import { groupName } from './group-name.ts';
import type { NodeInputs } from './node-inputs.ts';
import { wholeNumber } from './yaml-shape.ts';

/** Which nodes a hook is for: those in one of the groups, where there are any named, and in one of the environments. */
export interface Where {
  readonly groups?: readonly string[];
  readonly environments?: readonly string[];
}

const COMMAND = 'a command: a line for the shell, or a list of a program and its arguments';
const GLOBS = 'a glob of paths, or a list of them';
const PROBE = 'a probe: exactly one of command, http and tcp';

const command = z.union(
  [
    z.string(COMMAND).min(1, COMMAND).max(8192, 'a command of at most 8192 characters'),
    z
      .array(z.string('text').max(8192, 'at most 8192 characters'), COMMAND)
      .min(1, COMMAND)
      .max(256, 'at most 256 words'),
  ],
  COMMAND,
);
const seconds = (most: number) => {
  const expected = `a number of seconds, 0 to ${most}`;
  return z.number(expected).min(0, expected).max(most, expected);
};
const glob = z.string(GLOBS).refine((text) => pathGlob(text) !== undefined, GLOBS);
const where = {
  groups: z.array(groupName, 'a list of groups').min(1, 'at least one group').optional(),
  environments: z
    .array(z.string('an environment'), 'a list of environments')
    .min(1, 'at least one environment')
    .optional(),
};
const probe = {
  command: command.optional(),
  http: z
    .string('an http or https URL')
    .regex(/^https?:\/\/[^\s]+$/, 'an http or https URL')
    .optional(),
  status: wholeNumber('an HTTP status', { min: 100, max: 599 }).optional(),
  tcp: z
    .string('HOST:PORT')
    .regex(/^[^\s:]+:\d{1,5}$|^\[[0-9a-fA-F:]+\]:\d{1,5}$/, 'HOST:PORT')
    .optional(),
  grace_seconds: seconds(3600).optional(),
  retries: wholeNumber('a whole number, 0 to 100', { min: 0, max: 100 }).optional(),
  interval_seconds: seconds(3600).optional(),
  timeout_seconds: seconds(3600).optional(),
};

function asksOneThing(given: { command?: unknown; http?: unknown; tcp?: unknown }): boolean {
  return [given.command, given.http, given.tcp].filter((one) => one !== undefined).length === 1;
}

/** An entry of `verify`. */
export const deployProbe = z
  .strictObject({ ...probe, ...where })
  .refine(asksOneThing, PROBE)
  .transform(({ groups, environments, ...given }) => ({
    probe: given as Probe,
    where: whereOf({ groups, environments }),
  }));

/** An entry of `hooks`. */
export const deployHook = z
  .strictObject({
    when: z.union([glob, z.array(glob, GLOBS).min(1, GLOBS)], GLOBS).optional(),
    stage: command.optional(),
    test: command.optional(),
    run: command.optional(),
    verify: z.strictObject(probe).refine(asksOneThing, PROBE).optional(),
    clean: command.optional(),
    timeout_seconds: seconds(3600).optional(),
    ...where,
  })
  .refine(doesSomething, 'a hook with stage, test, run, verify or clean')
  .transform(({ groups, environments, when, ...given }) => {
    const globs = typeof when === 'string' ? [when] : when;
    const hook = { ...(globs === undefined ? {} : { when: globs }), ...given } as Hook;
    return { hook, where: whereOf({ groups, environments }) };
  });

function doesSomething(
  given: { [Key in 'stage' | 'test' | 'run' | 'clean']?: HookCommand | undefined } & { verify?: unknown },
) {
  return [given.stage, given.test, given.run, given.verify, given.clean].some((one) => one !== undefined);
}

function whereOf({
  groups,
  environments,
}: {
  groups: string[] | undefined;
  environments: string[] | undefined;
}): Where {
  return { ...(groups === undefined ? {} : { groups }), ...(environments === undefined ? {} : { environments }) };
}

/** Whether a condition holds for a node. */
export function isFor({ groups, environments }: Where, node: NodeInputs): boolean {
  if (environments !== undefined && !environments.includes(node.environment)) return false;
  return groups === undefined || groups.some((group) => node.groups.includes(group));
}

/**
 * The entry of a view that holds its hooks and probes; undefined where none applies. `matches` tells whether any path of the
 * view is one that a glob stands for.
 */
export function hooksEntry(
  { hooks, verify }: HooksFile,
  matches: (glob: string) => boolean,
): { readonly path: typeof HOOKS_PATH; readonly bytes: Buffer } | undefined {
  const applying = hooks.filter(({ when }) => when === undefined || when.some(matches));
  if (applying.length === 0 && verify.length === 0) return undefined;
  return { path: HOOKS_PATH, bytes: hooksBytes({ hooks: applying, verify }) };
}
