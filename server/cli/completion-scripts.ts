export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What a shell reads once: it asks the program itself for what may come next, and takes files where that answers nothing. */
export function scriptFor(shell: Shell, program: string): string {
  const name = `_${program.replaceAll('-', '_')}`;
  return SCRIPTS[shell](program, name);
}

const SCRIPTS: Readonly<Record<Shell, (program: string, name: string) => string>> = {
  bash: (program, name) => `# ${program} in bash: source <(${program} completion bash)
${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} line
  COMPREPLY=()
  while IFS= read -r line; do
    line=\${line%%$'\\t'*}
    # bash takes a word apart at these, and puts in only what follows the last of them.
    [[ $word == *[=:]* && $COMP_WORDBREAKS == *[=:]* ]] && line=\${line#"\${word%"\${word##*[=:]}"}"}
    COMPREPLY+=("$line")
  done < <(${program} completion --words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F ${name} ${program}
`,
  zsh: (program, name) => `#compdef ${program}
# ${program} in zsh: source <(${program} completion zsh), after compinit
${name}() {
  local -a found described
  local line
  found=("\${(@f)$(${program} completion --words -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  for line in "\${found[@]}"; do
    [[ -n $line ]] && described+=("\${\${line%%$'\\t'*}//:/\\\\:}:\${line#*$'\\t'}")
  done
  if (( \${#described} )); then _describe '${program}' described; else _files; fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then ${name} "$@"; else compdef ${name} ${program}; fi
`,
  fish: (program, name) => `# ${program} in fish: ${program} completion fish | source
function _${name}
    set -l words (commandline -opc) (commandline -ct)
    set -l found (${program} completion --words -- $words[2..] 2>/dev/null)
    if test (count $found) -gt 0
        printf '%s\\n' $found
    else
        __fish_complete_path (commandline -ct)
    end
end
complete -c ${program} -f -a '(_${name})'
`,
};
