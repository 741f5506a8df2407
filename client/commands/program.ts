import { parseArgs } from 'node:util';
import { readConfigFile } from '../settings/config-file.ts';
import { layerOfEnvironment, variableOf } from '../settings/environment.ts';
import { DEFAULT_CONFIG, KEYS, type Settings } from '../settings/keys.ts';
import { type Layer, mergeSettings } from '../settings/merge.ts';
import { COMMANDS, type CommandName } from './usage/commands.ts';
import type { OwnFlags, Usage } from './usage/usage.ts';

/** What the command line asks for: a command with its settings, or text to print and the exit code. */
export type Request =
  | {
      readonly kind: 'command';
      readonly command: CommandName;
      readonly settings: Settings;
      readonly own: OwnFlags;
      readonly words: readonly string[];
    }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'usage'; readonly text: string };

export type Flags = Readonly<Record<string, unknown>>;

export interface Chosen {
  readonly command: CommandName;
  readonly flags: Flags;
  readonly own: OwnFlags;
  readonly words: readonly string[];
}

/** Understands the command line, the environment and the file. */
export async function readRequest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Request> {
  const parsed = parseUsual(args) ?? (await import('./arguments.ts')).parseArguments(args);
  if ('kind' in parsed) return parsed;
  const { command, flags, own, words } = parsed;
  const configFlag = typeof flags['config'] === 'string' ? flags['config'] : env[variableOf('config')] || undefined;
  const file = await readConfigFile(configFlag ?? DEFAULT_CONFIG, { required: configFlag !== undefined });
  if (!file.ok) return usage(file.errors);
  const merged = mergeSettings([layerOfCommand(parsed), layerOfFlags(flags), layerOfEnvironment(env), file.layer]);
  return merged.ok ? { kind: 'command', command, settings: merged.settings, own, words } : usage(merged.errors);
}

function usage(errors: readonly string[]): Request {
  return { kind: 'usage', text: errors.map((error) => `tagwave: ${error}`).join('\n') };
}

/**
 * The command lines that run from cron every minute: a command without words of its own, and flags that are all right. For all
 * others, and to say what is wrong, there is a library, which takes longer to load than a run without news takes.
 */
export function parseUsual([name, ...rest]: readonly string[]): Chosen | undefined {
  const known: Usage | undefined = COMMANDS.find((command) => command.name === name);
  if (known === undefined || known.words !== undefined) return undefined;
  const options: Record<string, { type: 'string' | 'boolean'; multiple: boolean }> = { config: ONE };
  for (const { name: key, kind } of KEYS.filter((one) => known.keys.includes(one.name)))
    options[key] = { type: kind === 'switch' ? 'boolean' : 'string', multiple: kind === 'list' };
  for (const { flags } of known.options ?? []) {
    const [, option = '', value] = /^--([a-z-]+)( <.+>)?$/.exec(flags) ?? [];
    options[option] = { type: value === undefined ? 'boolean' : 'string', multiple: false };
  }
  try {
    const { values } = parseArgs({ args: [...rest], options, strict: true, allowPositionals: false });
    const flags = Object.fromEntries(Object.entries(values).map(([option, value]) => [attributeOf(option), value]));
    return choose(known, flags, []);
  } catch {
    return undefined;
  }
}

const ONE = { type: 'string', multiple: false } as const;

/** Takes apart what is a setting and what makes sense for one call only. */
export function choose(known: Usage, flags: Flags, words: readonly string[]): Chosen {
  const { options = [] } = known;
  const own: Record<string, string | true> = {};
  for (const { flags: written } of options) {
    const name = /--([a-z-]+)/.exec(written)?.[1] ?? '';
    const given = flags[attributeOf(name)];
    // The library takes `--no-start` for the opposite of a flag `--start`.
    const value = name.startsWith('no-') ? given === true || flags[attributeOf(name.slice(3))] === false : given;
    if (typeof value === 'string' || value === true) own[name] = value;
  }
  return { command: known.name as CommandName, flags, own, words };
}

/** What the command itself says, and words that stand for a setting. */
function layerOfCommand({ command, words: given }: Chosen): Layer {
  const usage: Usage | undefined = COMMANDS.find(({ name }) => name === command);
  const { implies = [], words = [] } = usage ?? {};
  const layer: Layer = {};
  for (const name of implies) layer[name] = { texts: ['true'], where: command };
  for (const [index, { name, key }] of words.entries()) {
    const word = given[index];
    if (key !== undefined && word !== undefined) layer[key] = { texts: [word], where: name };
  }
  return layer;
}

function layerOfFlags(flags: Flags): Layer {
  const layer: Layer = {};
  for (const { name } of KEYS) {
    const value = flags[attributeOf(name)];
    if (value === undefined) continue;
    layer[name] = { texts: Array.isArray(value) ? value.map(String) : [String(value)], where: `--${name}` };
  }
  return layer;
}

/** Commander's names are in camel case: `dry-run` comes as `dryRun`. */
function attributeOf(name: string): string {
  return name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase());
}
