import { styleText } from 'node:util';
import { cleared, printable } from './terminal.ts';

/** Text that is printed as it is: what came from outside has lost whatever would steer the terminal. */
export interface Ink {
  readonly ink: string;
}
export type Line = string | Ink;

const STYLES = {
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  note: 'cyan',
  quiet: 'dim',
  strong: 'bold',
} as const;
export type Style = keyof typeof STYLES;

interface Stream {
  readonly isTTY?: boolean | undefined;
}

/**
 * Whether text for a stream is painted: on a terminal, unless `NO_COLOR` says something (https://no-color.org) or it is a dumb
 * one; elsewhere only where `FORCE_COLOR` says so, and that not to.
 */
export function isColoured({ isTTY }: Stream, env: NodeJS.ProcessEnv): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const force = env['FORCE_COLOR'];
  if (force !== undefined) return force !== '0' && force !== 'false';
  return isTTY === true && env['TERM'] !== 'dumb';
}

/** Text in a style, where stdout is painted; without one, only made fit to be printed. */
export function ink(text: string, style?: Style): Ink {
  const plain = printable(text);
  return { ink: style === undefined || plain === '' || !paints() ? plain : styled(style, plain) };
}

/** A line put together from such text; all else in it is made fit to be printed. */
export function line(texts: TemplateStringsArray, ...parts: readonly (Line | number)[]): Ink {
  const rest = parts.map((part, index) => `${inkOf(part)}${texts[index + 1] ?? ''}`);
  return { ink: `${texts[0] ?? ''}${rest.join('')}` };
}

/** What is printed of a line. */
export function shown(text: Line): string {
  return typeof text === 'string' ? cleared(text) : text.ink;
}

function inkOf(part: Line | number): string {
  return typeof part === 'object' ? part.ink : printable(String(part));
}

function styled(style: Style, text: string): string {
  return styleText(STYLES[style], text, { validateStream: false });
}

let painted: boolean | undefined;

function paints(): boolean {
  painted ??= isColoured(process.stdout, process.env);
  return painted;
}
