import { Command, CommanderError, Option } from 'commander';
import { readConfigFile } from '../settings/config-file.ts';
import { layerOfEnvironment, variableOf } from '../settings/environment.ts';
import { DEFAULT_CONFIG, DEFAULT_TARGET, KEYS, type KeyName, type Settings } from '../settings/keys.ts';
import { type Layer, mergeSettings } from '../settings/merge.ts';
import { VERSION } from '../version.ts';

/** What the command line asks for: a command with its settings, or text to print and the exit code. */
export type Request =
  | { readonly kind: 'poll' | 'status'; readonly settings: Settings }
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'usage'; readonly text: string };

const POLL_KEYS = KEYS.map(({ name }) => name);
const STATUS_KEYS: readonly KeyName[] = ['target', 'json'];

const POLL_HELP = `
Silent when nothing changed; one line when something did; the same trouble is told once, then daily.

Exit codes:
  0  nothing to do, or applied     1  failed: nothing was changed
  2  wrong usage                   3  stopped by the killswitch
  4  held by the server            5  another run holds the lock
  6  changes found (--dry-run --detailed-exitcode)
  130, 143  stopped by SIGINT, SIGTERM: nothing is left half done

Examples:
  tagwave poll --server https://tagwave.example.com
      bring ${DEFAULT_TARGET}/current to what this host should have
  tagwave poll --server http://a:8420 --server http://b:8420 --splay 300
      from cron: spread over five minutes; b stands in when a cannot answer
  tagwave poll --server http://a:8420 --hostname web1.example.com --target /tmp/try --dry-run --verbose
      list the files that would change, and change nothing

Every flag is also a key of ${DEFAULT_CONFIG} (server: URL) and a variable (${variableOf('server')}).
Flags count before variables, variables before the file.`;

const STATUS_HELP = `
Examples:
  tagwave status
  tagwave status --target /srv/config --json`;

type Chosen = { readonly command: 'poll' | 'status'; readonly flags: Readonly<Record<string, unknown>> };

/** Understands the command line, the environment and the file. */
export async function readRequest(args: readonly string[], env: NodeJS.ProcessEnv): Promise<Request> {
  const parsed = parseArguments(args);
  if ('kind' in parsed) return parsed;
  const { command, flags } = parsed;
  const configFlag = typeof flags['config'] === 'string' ? flags['config'] : env[variableOf('config')] || undefined;
  const file = await readConfigFile(configFlag ?? DEFAULT_CONFIG, { required: configFlag !== undefined });
  if (!file.ok) return usage(file.errors);
  const merged = mergeSettings([layerOfFlags(flags), layerOfEnvironment(env), file.layer]);
  return merged.ok ? { kind: command, settings: merged.settings } : usage(merged.errors);
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
  const add = (name: 'poll' | 'status', keys: readonly KeyName[]): Command => {
    const command = program.command(name).action((flags: Record<string, unknown>) => {
      chosen = { command: name, flags };
    });
    for (const option of optionsFor(keys)) command.addOption(option);
    return command.showHelpAfterError(`See 'tagwave ${name} --help'.`);
  };
  add('poll', POLL_KEYS).description('ask once, and bring the target to the answer').addHelpText('after', POLL_HELP);
  add('status', STATUS_KEYS)
    .description('tell what this host has and how its last run ended')
    .addHelpText('after', STATUS_HELP);
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    return { kind: isHelp ? 'help' : 'usage', text: printed.trimEnd() };
  }
  return chosen ?? { kind: 'usage', text: printed.trimEnd() };
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

/** Commander's names are in camel case: `dry-run` comes as `dryRun`. */
function layerOfFlags(flags: Readonly<Record<string, unknown>>): Layer {
  const layer: Layer = {};
  for (const { name } of KEYS) {
    const value = flags[name.replace(/-([a-z])/g, (_dash, letter: string) => letter.toUpperCase())];
    if (value === undefined) continue;
    layer[name] = { texts: Array.isArray(value) ? value.map(String) : [String(value)], where: `--${name}` };
  }
  return layer;
}
