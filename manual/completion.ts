import type { Command } from 'commander';
import { clientProgram } from '../client/commands/arguments.ts';
import type { Shell } from '../server/cli/completion-scripts.ts';
import { shownOptions, visible } from './roff.ts';

interface Known {
  readonly name: string;
  readonly help: string;
  readonly options: readonly { readonly long: string; readonly help: string; readonly takes: boolean }[];
}

/** Completes commands and options of the client. They never change while it is installed, so that nothing has to be asked for. */
export function clientScript(shell: Shell): string {
  return SCRIPTS[shell](visible(clientProgram(() => undefined)).map(knownOf));
}

function knownOf(command: Command): Known {
  const options = shownOptions(command).map(({ long, description, required }) => {
    return { long: long ?? '', help: description, takes: required };
  });
  const help = { long: '--help', help: 'display help for command', takes: false };
  return { name: command.name(), help: command.summary() || command.description(), options: [...options, help] };
}

const SCRIPTS: Readonly<Record<Shell, (commands: readonly Known[]) => string>> = {
  bash: (commands) => `# tagwave in bash
_tagwave() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} options= takes=
  case \${COMP_WORDS[1]} in
${commands.map(({ name, options }) => `    ${name}) options='${longs(options)}' takes=' ${longs(options.filter(({ takes }) => takes))} ' ;;`).join('\n')}
  esac
  COMPREPLY=()
  if (( COMP_CWORD == 1 )); then
    mapfile -t COMPREPLY < <(compgen -W '${commands.map(({ name }) => name).join(' ')} --help --version' -- "$word")
  elif [[ $takes != *" $before "* && $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
  fi
}
complete -o default -F _tagwave tagwave
`,
  zsh: (commands) => `#compdef tagwave
# tagwave in zsh
_tagwave() {
  if (( CURRENT == 2 )); then
    local -a commands=(
${commands.map(({ name, help }) => `      ${quoted(`${name}:${help}`)}`).join('\n')}
    )
    _describe tagwave commands
    return
  fi
  local name=$words[2]
  shift words
  (( CURRENT -= 1 ))
  case $name in
${commands.map(({ name, options }) => `    ${name}) _arguments ${options.map(zshOption).join(' ')} '*: :_files' ;;`).join('\n')}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _tagwave "$@"; else compdef _tagwave tagwave; fi
`,
  fish: (commands) => `# tagwave in fish
${commands.map(({ name, help }) => `complete -c tagwave -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(help)}`).join('\n')}
${commands
  .flatMap(({ name, options }) =>
    options.map(
      ({ long, help, takes }) =>
        `complete -c tagwave -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)}${takes ? ' -r' : ''} -d ${fishQuoted(help)}`,
    ),
  )
  .join('\n')}
`,
};

function longs(options: Known['options']): string {
  return options.map(({ long }) => long).join(' ');
}

function zshOption({ long, help, takes }: Known['options'][number]): string {
  return quoted(`*${long}[${help.replace(/[[\]\\:]/g, '\\$&')}]${takes ? ': :_files' : ''}`);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function fishQuoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
