import { type Command, Option } from 'commander';
import type { App } from '../compose.ts';
import type { Ready } from '../operations/world.ts';
import { worldNow } from '../operations/world.ts';
import { type CommonOptions, type ExitCode, misuse, openApp, type Run } from './command.ts';
import { SHELLS, scriptFor } from './completion-scripts.ts';
import { type Candidate, type Completion, complete, type Lookup } from './completion-words.ts';
import { printable, terminal } from './terminal.ts';

interface Options extends CommonOptions {
  readonly words?: true;
}

export function addCompletion(program: Command, run: Run): void {
  program
    .command('completion')
    .summary('what makes a shell complete the words of this command')
    .description(
      'Prints a script for the shell: commands, options, and the names of environments, waves, tags and hosts.\n\n' +
        '  bash   source <(tagwave-server completion bash)      in ~/.bashrc\n' +
        '  zsh    source <(tagwave-server completion zsh)       in ~/.zshrc, after compinit\n' +
        '  fish   tagwave-server completion fish | source       in ~/.config/fish/config.fish',
    )
    .usage('[options] <shell>')
    .argument('[shell]', SHELLS.join(', '))
    .argument('[words...]')
    .addOption(new Option('--words', 'what the last of the words may become').hideHelp())
    .action((first: string | undefined, rest: readonly string[], _options: Options, command: Command) =>
      run(completionCommand(program, first === undefined ? [] : [first, ...rest], command.optsWithGlobals())),
    );
}

async function completionCommand(program: Command, words: readonly string[], options: Options): Promise<ExitCode> {
  if (options.words === true) return tellWords(program, words, options);
  const shell = SHELLS.find((name) => name === words[0]);
  if (shell === undefined || words.length > 1)
    return misuse(options, 'for which shell?', `name one of ${SHELLS.join(', ')}`);
  await terminal.written(scriptFor(shell, program.name()));
  return 0;
}

/** Says nothing of what goes wrong: it would stand in the middle of somebody's line. */
async function tellWords(program: Command, words: readonly string[], options: Options): Promise<ExitCode> {
  const completion = complete(program, words);
  const { before, begun, lookup } = completion;
  const found = lookup === undefined ? [] : await lookedUp(completion, lookup, options).catch(() => []);
  for (const { value, help } of [...completion.candidates, ...found])
    if (value.startsWith(begun)) terminal.out(`${before}${printable(value)}\t${printable(help)}`);
  return 0;
}

const MOST = 200;

async function lookedUp({ base, begun }: Completion, lookup: Lookup, options: Options): Promise<Candidate[]> {
  const opened = await openApp('reader', base === undefined ? options : { ...options, base });
  if (!opened.ok) return [];
  try {
    const ready = worldNow(opened.app.context);
    return ready.kind === 'ready' ? await candidatesFor(opened.app, ready, { lookup, begun }) : [];
  } finally {
    await opened.app.close();
  }
}

async function candidatesFor(
  { context }: App,
  { world }: Ready,
  { lookup, begun }: { readonly lookup: Lookup; readonly begun: string },
): Promise<Candidate[]> {
  const { waves } = world.schedule;
  switch (lookup) {
    case 'environment':
      return [...new Set(waves.map(({ environment }) => environment))].map((value) => ({ value, help: '' }));
    case 'wave':
      return waves.map(({ name, hours }) => ({ value: name, help: `lags ${hours} h` }));
    case 'tag':
      return [...world.tags]
        .reverse()
        .slice(0, MOST)
        .map(({ name, subject }) => ({ value: name, help: subject }));
    case 'host': {
      const name = `${begun.toLowerCase().replaceAll('*', '')}*`;
      const nodes = await context.store.nodes({ limit: MOST, filter: { name } });
      return nodes.map(({ hostname, told }) => ({ value: hostname, help: told?.wave ?? '' }));
    }
  }
}
