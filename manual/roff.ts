import type { Command, Option } from 'commander';

/** What a page says besides what the commands say of themselves. */
export interface Page {
  /** For the index of pages. */
  readonly summary: string;
  /** Where the list of options that all commands take stands apart: their long names. */
  readonly common: readonly string[];
  /** By command, what its help tells after the options. */
  readonly after: Readonly<Record<string, string>>;
  /** Sections after the commands: text as in `after`. */
  readonly sections: Readonly<Record<string, string>>;
  /** What stands at the foot: version and day. */
  readonly version: string;
  readonly date: string;
}

/** A manual page, in the man(7) macros, of the very commands that are parsed. */
export function manualOf(program: Command, page: Page): string {
  const name = program.name();
  const { version, date, sections } = page;
  const lines = [
    `.TH ${quotedWord(name.toUpperCase())} 1 "${date}" ${quotedWord(`Tagwave ${version}`)} "User Commands"`,
    '.SH NAME',
    `${plain(name)} \\- ${plain(page.summary)}`,
    '.SH SYNOPSIS',
    `.B ${plain(name)}`,
    '.I command',
    '.RI [ options ]',
    '.SH DESCRIPTION',
    ...firstLines(program.description()),
    '.SH COMMANDS',
    ...visible(program).flatMap((command) => commandLines(command, { ...page, path: '' })),
    ...commonLines(program, page),
    ...Object.entries(sections).flatMap(([title, text]) => [
      `.SH ${quotedWord(title.toUpperCase())}`,
      ...firstLines(text),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}

/** The commands that help lists. */
export function visible({ commands }: Command): Command[] {
  return commands.filter((command) => !('_hidden' in command && command._hidden === true));
}

function commandLines(command: Command, at: Page & { readonly path: string }): string[] {
  const path = `${at.path}${command.name()}`;
  const parts = visible(command);
  const about = command.description() || command.summary();
  const own = shownOptions(command).filter(({ long }) => !at.common.includes(long ?? ''));
  return [
    `.SS ${quotedWord(`${path} ${usageOf(command)}`.trim())}`,
    ...firstLines(sentence(command.summary() === '' ? about : command.summary())),
    ...(about === command.summary() || command.summary() === '' ? [] : textLines(about)),
    ...command.registeredArguments
      .filter(({ description }) => description !== '')
      .flatMap((argument) => ['.TP', `.I ${plain(argument.name())}`, ...filled(argument.description)]),
    ...own.flatMap(optionLines),
    ...textLines(at.after[path] ?? ''),
    ...parts.flatMap((part) => commandLines(part, { ...at, path: `${path} ` })),
  ];
}

/** As help shows it, less the word that stands for all options. */
function usageOf(command: Command): string {
  return command
    .usage()
    .replace(/^\[options\] ?/, '')
    .replace(/^\[command\]$/, '');
}

function commonLines(program: Command, { common }: Page): string[] {
  const one = visible(program)[0];
  const options = one === undefined ? [] : shownOptions(one).filter(({ long }) => common.includes(long ?? ''));
  const help = ['.TP', '.BR \\-h ", " \\-\\-help', 'Display help for a command.'];
  return ['.SH OPTIONS', 'Every command takes:', ...options.flatMap(optionLines), ...help];
}

export function shownOptions({ options }: Command): Option[] {
  return options.filter(({ hidden }) => !hidden);
}

function optionLines({ flags, description, argChoices = [], defaultValue }: Option): string[] {
  const [, names = '', value = ''] = /^(-[^<[]*?)( ?[<[].*)?$/.exec(flags) ?? [];
  const choices = argChoices.length === 0 ? '' : ` (${argChoices.join(', ')})`;
  const usual = typeof defaultValue === 'string' && defaultValue !== '' ? ` (default: ${defaultValue})` : '';
  return [
    '.TP',
    `\\fB${plain(names)}\\fR\\fI${plain(value)}\\fR`,
    ...filled(sentence(`${description}${choices}${usual}`)),
  ];
}

/** Paragraphs, and what is set in as it stands. */
export function textLines(text: string): string[] {
  const blocks: string[][] = [];
  let isOpen = false;
  for (const line of text.trim().split('\n')) {
    if (line.trim() === '') isOpen = false;
    else if (isOpen && isSetIn(blocks.at(-1)?.[0] ?? '') === isSetIn(line)) blocks.at(-1)?.push(line);
    else {
      blocks.push([line]);
      isOpen = true;
    }
  }
  return blocks.flatMap((block) =>
    isSetIn(block[0] ?? '')
      ? ['.PP', '.RS 2n', '.nf', ...block.map((line) => plain(line.slice(2)) || '\\&'), '.fi', '.RE']
      : ['.PP', ...filled(block.join(' '))],
  );
}

/** A heading begins a paragraph by itself. */
function firstLines(text: string): string[] {
  const lines = textLines(text);
  return lines[0] === '.PP' ? lines.slice(1) : lines;
}

function isSetIn(line: string): boolean {
  return line.startsWith('  ');
}

const WIDTH = 76;

/** Words on lines that are no longer than people like them; none of them is taken for a macro. */
function filled(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/).filter((one) => one !== '')) {
    const last = lines.at(-1);
    const longer = `${last ?? ''} ${plain(word)}`;
    if (last !== undefined && longer.length <= WIDTH) lines[lines.length - 1] = longer;
    else lines.push(plain(word));
  }
  return lines;
}

function sentence(text: string): string {
  const begun = `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
  return /[.:!?)]$/.test(begun) ? begun : `${begun}.`;
}

const SPECIAL: Readonly<Record<string, string>> = {
  '\\': '\\e',
  '-': '\\-',
  '~': '\\(ti',
  '^': '\\(ha',
  '`': '\\(ga',
  "'": '\\(aq',
};

/** Text as it is, whatever the macros would make of it. */
export function plain(text: string): string {
  const safe = text
    .replace(/[\\\-~^`']/g, (character) => SPECIAL[character] ?? character)
    .replace(
      /[^\n -~]/gu,
      (character) => `\\[u${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}]`,
    );
  return safe.startsWith('.') ? `\\&${safe}` : safe;
}

function quotedWord(text: string): string {
  return `"${plain(text).replaceAll('"', '\\(dq')}"`;
}
