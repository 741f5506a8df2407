import type { Argument, Command, Option } from 'commander';

/** What may come next on a command line. */
export interface Candidate {
  readonly value: string;
  readonly help: string;
}

/** What is not known from the commands themselves, and has to be looked up. */
export type Lookup = 'environment' | 'wave' | 'tag' | 'host';

export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly lookup: Lookup | undefined;
  /** What stands before the value in the same word, as in `--wave=`. */
  readonly before: string;
  /** The beginning that is there already. */
  readonly begun: string;
  /** What --base names, where it does. */
  readonly base: string | undefined;
}

const LOOKUPS: Readonly<Record<string, Lookup>> = {
  environment: 'environment',
  '--environment': 'environment',
  '--wave': 'wave',
  tag: 'tag',
  '--tag': 'tag',
  host: 'host',
  '--after': 'host',
};
/** Which an argument stands for that says so in words alone. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  state: ['good', 'bad', 'badfwd', 'none'],
  shell: ['bash', 'zsh', 'fish'],
};

interface Walk {
  readonly command: Command;
  readonly given: number;
  /** The option that the next word is a value of. */
  readonly open: Option | undefined;
  /** Only words that are no options follow. */
  readonly isPlain: boolean;
  readonly base: string | undefined;
}

/** What the last of these words, which follow the name of the program, may become. */
export function complete(program: Command, words: readonly string[]): Completion {
  const word = words.at(-1) ?? '';
  const { command, given, open, isPlain, base } = walk(program, words.slice(0, -1));
  const [, name = '', value = ''] = /^(--[a-z-]+=)(.*)$/.exec(word) ?? [];
  const glued = isPlain ? undefined : optionNamed(command, name.slice(0, -1));
  const none = { candidates: [], lookup: undefined, before: '', begun: word, base };
  if (glued !== undefined) return { ...none, ...valuesOf(glued.long ?? '', glued), before: name, begun: value };
  if (open !== undefined && !(word.startsWith('-') && open.variadic))
    return { ...none, ...valuesOf(open.long ?? '', open) };
  if (word.startsWith('-') && !isPlain) return { ...none, candidates: optionsOf(command) };
  if (command.commands.length > 0) return { ...none, candidates: commandsOf(command) };
  const argument = argumentAt(command, given);
  return argument === undefined
    ? { ...none, candidates: optionsOf(command) }
    : { ...none, ...valuesOf(argument.name(), argument) };
}

function walk(program: Command, words: readonly string[]): Walk {
  let [command, given, isPlain]: [Command, number, boolean] = [program, 0, false];
  let open: Option | undefined;
  let base: string | undefined;
  for (const word of words) {
    if (open !== undefined && !(open.variadic && word.startsWith('-'))) {
      if (open.long === '--base') base = word;
      if (!open.variadic) open = undefined;
      continue;
    }
    open = undefined;
    const sub = isPlain ? undefined : command.commands.find((one) => one.name() === word);
    if (!isPlain && word === '--') isPlain = true;
    else if (!isPlain && word.startsWith('-')) {
      const [, name = word, value] = /^(--[^=]+)=(.*)$/.exec(word) ?? [];
      const option = optionNamed(command, name);
      if (value === undefined && option?.required === true) open = option;
      if (value !== undefined && name === '--base') base = value;
    } else if (sub !== undefined) [command, given] = [sub, 0];
    else given += 1;
  }
  return { command, given, open, isPlain, base };
}

function optionNamed({ options }: Command, name: string): Option | undefined {
  return options.find(({ long, short }) => long === name || short === name);
}

function argumentAt({ registeredArguments }: Command, index: number): Argument | undefined {
  const last = registeredArguments.at(-1);
  return registeredArguments[index] ?? (last?.variadic === true ? last : undefined);
}

function valuesOf(
  name: string,
  { argChoices = [] }: Pick<Option, 'argChoices'>,
): Pick<Completion, 'candidates' | 'lookup'> {
  const values = [...argChoices, ...(WORDS[name] ?? [])];
  return { candidates: values.map((value) => ({ value, help: '' })), lookup: LOOKUPS[name] };
}

function optionsOf({ options }: Command): Candidate[] {
  const shown = options.filter(({ hidden, long }) => !hidden && long !== undefined);
  const known = shown.map(({ long, description }) => ({ value: long ?? '', help: description }));
  return [...known, { value: '--help', help: 'display help for command' }];
}

function commandsOf({ commands }: Command): Candidate[] {
  return commands.map((command) => ({ value: command.name(), help: command.summary() || command.description() }));
}
