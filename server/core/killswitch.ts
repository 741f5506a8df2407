import type { Environment } from '../../protocol/names.ts';
import type { Problem } from './problem.ts';

/** What a look at `killswitch` and `killswitch.d/` found. A message is the file's text, empty where it cannot be read. */
export interface KillswitchLook {
  readonly global: string | null;
  readonly environments: ReadonlyMap<string, string>;
  /** Why it cannot be told whether a killswitch exists: doubt stops everything. */
  readonly doubt: string | null;
}

/** The look as one text, to tell changes by and to record; null where nothing is stopped. */
export function killswitchText({ global, doubt, environments }: KillswitchLook): string | null {
  if (global === null && doubt === null && environments.size === 0) return null;
  return JSON.stringify([global, doubt, [...environments]]);
}

/** Reads what `killswitchText` wrote. */
export function lookFromText(text: string): KillswitchLook {
  const [global, doubt, environments] = JSON.parse(text) as [string | null, string | null, [string, string][]];
  return { global, doubt, environments: new Map(environments) };
}

export interface Stop {
  readonly message: string;
}

export interface Killswitch {
  readonly global: Stop | null;
  readonly environments: ReadonlyMap<string, Stop>;
}

export const NO_KILLSWITCH: Killswitch = { global: null, environments: new Map() };

/**
 * A name in `killswitch.d/` that is no environment, or a directory that cannot be listed, stops everything:
 * `touch killswitch.d/prod` at 3 a.m. must not do nothing.
 */
export function readKillswitch(
  look: KillswitchLook,
  known: ReadonlySet<Environment>,
): { killswitch: Killswitch; problems: Problem[] } {
  const problems: Problem[] = [];
  const environments = new Map<string, Stop>();
  let global: Stop | null = look.global === null ? null : { message: look.global };
  if (look.doubt !== null) {
    global ??= {
      message: `everything is stopped, because it cannot be told whether a killswitch exists: ${look.doubt}`,
    };
    problems.push({
      id: 'killswitch:doubt',
      severity: 'error',
      sentence: `everything is stopped: ${look.doubt}`,
      hint: 'make the base directory and killswitch.d readable for the server',
      file: 'killswitch',
    });
  }
  for (const [name, message] of look.environments) {
    if ((known as ReadonlySet<string>).has(name)) {
      environments.set(name, { message });
      continue;
    }
    global ??= { message: message || `everything is stopped: killswitch.d/${name} names no environment` };
    problems.push({
      id: `killswitch:unknown-environment:${name}`,
      severity: 'error',
      sentence: `killswitch.d/${name} names no environment of the schedule, so it stops everything`,
      hint: `rename it to one of ${[...known].join(', ')}, or remove it`,
      file: `killswitch.d/${name}`,
    });
  }
  return { killswitch: { global, environments }, problems };
}
