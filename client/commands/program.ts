import { Command, CommanderError, Option } from 'commander';
import { readConfigFile } from '../settings/config-file.ts';
import { layerOfEnvironment, variableOf } from '../settings/environment.ts';
import { DEFAULT_CONFIG, KEYS, type KeyName, type Settings } from '../settings/keys.ts';
import { type Layer, mergeSettings } from '../settings/merge.ts';
import { VERSION } from '../version.ts';
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

type Flags = Readonly<Record<string, unknown>>;

interface Chosen {
  readonly command: CommandName;
  readonly flags: Flags;
  readonly own: OwnFlags;
  readonly words: readonly string[];
}

/** Understands the command line, the environment and the file. */
export async function readRequest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Request> {
  const parsed = parseArguments(args);
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

function parseArguments(args: readonly string[]): Chosen | Request {
  let printed = '';
  let chosen: Chosen | undefined;
  const program = new Command('tagwave')
    .description('Brings this host to the configuration that a Tagwave server assigns to it.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: (text) => (printed += text), writeErr: (text) => (printed += text) })
    .addHelpText(
      'after',
      "\nExample:\n  tagwave poll --server https://tagwave.example.com\n\n'tagwave poll --help' tells more.",
    );
  for (const known of COMMANDS) add(program, known, (flags, words) => (chosen = choose(known, flags, words)));
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    return { kind: isHelp ? 'help' : 'usage', text: printed.trimEnd() };
  }
  return chosen ?? { kind: 'usage', text: printed.trimEnd() };
}

function add(program: Command, known: Usage, choose: (flags: Flags, words: readonly string[]) => void): void {
  const { name, summary, keys, options = [], words = [], help } = known;
  const command = program.command(name).description(summary).addHelpText('after', help);
  for (const option of optionsFor(keys)) command.addOption(option);
  for (const { flags, help: text } of options) command.option(flags, text);
  for (const { name: word, help: text } of words) command.argument(word, text);
  command
    .action((...given: unknown[]) => {
      const [flags, ...before] = given.slice(0, words.length + 1).reverse();
      choose(
        { ...(flags as Flags) },
        before.reverse().filter((word) => typeof word === 'string'),
      );
    })
    .showHelpAfterError(`See 'tagwave ${name} --help'.`);
}

function choose(known: (typeof COMMANDS)[number], flags: Flags, words: readonly string[]): Chosen {
  const { options = [] }: Usage = known;
  const own: Record<string, string | true> = {};
  for (const { flags: written } of options) {
    const name = /--([a-z-]+)/.exec(written)?.[1] ?? '';
    const value = name.startsWith('no-') ? flags[attributeOf(name.slice(3))] === false : flags[attributeOf(name)];
    if (typeof value === 'string' || value === true) own[name] = value;
  }
  return { command: known.name, flags, own, words };
}

function optionsFor(names: readonly KeyName[]): Option[] {
  const options = KEYS.filter(({ name }) => names.includes(name)).map(({ name, kind, placeholder, help }) => {
    const option = new Option(`--${name}${placeholder === undefined ? '' : ` <${placeholder}>`}`, help);
    return kind === 'list'
      ? option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text])
      : option;
  });
  return [...options, new Option('--config <FILE>', `settings (default: ${DEFAULT_CONFIG}, where there is one)`)];
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
