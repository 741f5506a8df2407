import type { MapTag } from '../../protocol/api/train.ts';
import { floorHour, hourOf, parseTagName, startOf } from '../../protocol/names.ts';
import type { Style } from './ink.ts';

/** What stands for what. Colour is never all that tells things apart. */
export interface Symbols {
  readonly bad: string;
  readonly badfwd: string;
  readonly good: string;
  readonly broken: string;
  readonly fresh: string;
  readonly same: string;
  readonly path: string;
  readonly day: string;
  readonly future: string;
  readonly back: string;
  /** Stands between things that are told in a line. */
  readonly between: string;
}

export const SYMBOLS: Symbols = {
  bad: '✕',
  badfwd: '»',
  good: '✓',
  broken: '!',
  fresh: '●',
  same: '·',
  path: '›',
  day: '│',
  future: '┊',
  back: '←',
  between: ' · ',
};

/** For a terminal that shows no more than ASCII. */
export const ASCII: Symbols = {
  bad: 'x',
  badfwd: 'F',
  good: '+',
  broken: '!',
  fresh: '*',
  same: '.',
  path: '>',
  day: '|',
  future: ':',
  back: '<',
  between: ', ',
};

/** By what the environment says of the language, as programs in C do it; nothing said counts as UTF-8. */
export function symbolsFor(env: NodeJS.ProcessEnv): Symbols {
  const locale = env['LC_ALL'] || env['LC_CTYPE'] || env['LANG'] || 'utf-8';
  return /utf-?8/i.test(locale) ? SYMBOLS : ASCII;
}

export type MarkState = NonNullable<MapTag['marks'][string]>['state'];

export const MARK_STYLES: Readonly<Record<MarkState, Style>> = { bad: 'bad', badfwd: 'bad', good: 'good' };

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Fri 20 Nov`, UTC. */
export function dayLabel(at: number): string {
  const date = new Date(at);
  return `${DAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** `15:20`, UTC. */
export function clockLabel(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** Numbers as people read them in a narrow column: `999`, `1.2k`, `34k`. */
export function brief(count: number): string {
  if (count < 1_000) return String(count);
  const thousands = count / 1_000;
  return `${thousands < 9.95 ? thousands.toFixed(1) : Math.round(thousands)}k`;
}

/** An answer as it is said beside an instant: `11:00`, `Fri 11:00`, `20 Nov 11:00`, `hold`, `stopped`, `trunk`. */
export function answerLabel(answer: string, now: number): string {
  const tag = parseTagName(answer);
  if (tag === undefined) return answer === 'killswitch' ? 'stopped' : answer.startsWith('hold ') ? 'hold' : answer;
  const at = startOf(hourOf(tag));
  const days = Math.floor(floorHour(now) / 24) - Math.floor(hourOf(tag) / 24);
  if (days === 0) return clockLabel(at);
  const [name = '', day = '', month = ''] = dayLabel(at).split(' ');
  return days > 0 && days < 7 ? `${name} ${clockLabel(at)}` : `${day} ${month} ${clockLabel(at)}`;
}
