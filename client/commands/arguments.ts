import { Command, CommanderError, Option } from 'commander';
import { DEFAULT_CONFIG, KEYS, type KeyName } from '../settings/keys.ts';
import { VERSION } from '../version.ts';
import { type Chosen, choose, type Flags, type Request } from './program.ts';
import { COMMANDS } from './usage/commands.ts';
import type { Usage } from './usage/usage.ts';

/** Understands any command line, helps, and says what is wrong with one. */
export function parseArguments(args: readonly string[]): Chosen | Request {
  let printed = '';
  let chosen: Chosen | undefined;
  const program = clientProgram(
    (known, flags, words) => (chosen = choose(known, flags, words)),
    (text) => (printed += text),
  );
  try {
    program.parse(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const isHelp = error.code === 'commander.helpDisplayed' || error.code === 'commander.version';
    return { kind: isHelp ? 'help' : 'usage', text: printed.trimEnd() };
  }
  return chosen ?? { kind: 'usage', text: printed.trimEnd() };
}

/** What is parsed, helped with, and told by the manual. `take` is called for the command that was chosen, `say` with help and errors. */
export function clientProgram(
  take: (known: Usage, flags: Flags, words: readonly string[]) => void,
  say: (text: string) => void = () => undefined,
): Command {
  const program = new Command('tagwave')
    .description('Brings this host to the configuration that a Tagwave server assigns to it.')
    .version(VERSION)
    .exitOverride()
    .configureOutput({ writeOut: say, writeErr: say })
    .addHelpText(
      'after',
      "\nExample:\n  tagwave poll --server https://tagwave.example.com\n\n'tagwave poll --help' tells more.",
    );
  for (const known of COMMANDS) add(program, known, (flags, words) => take(known, flags, words));
  return program;
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

function optionsFor(names: readonly KeyName[]): Option[] {
  const options = KEYS.filter(({ name }) => names.includes(name)).map(({ name, kind, placeholder, help }) => {
    const option = new Option(`--${name}${placeholder === undefined ? '' : ` <${placeholder}>`}`, help);
    return kind === 'list'
      ? option.argParser((text: string, before: string[] | undefined) => [...(before ?? []), text])
      : option;
  });
  return [...options, new Option('--config <FILE>', `settings (default: ${DEFAULT_CONFIG}, where there is one)`)];
}
