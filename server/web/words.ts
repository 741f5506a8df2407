/** How things are said on the page. Pure: `now` is an argument. All times are UTC, and say so. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `just now`, `5 min ago`, `in 3 h`, `2 days ago`. */
export function relative(at: number, now: number): string {
  const apart = Math.abs(at - now);
  if (apart < 45_000) return 'just now';
  const words = duration(apart);
  return at <= now ? `${words} ago` : `in ${words}`;
}

/** One unit alone: `38 s`, `5 min`, `3 h`, `2 days`. */
export function duration(ms: number): string {
  if (ms < MINUTE) return `${Math.round(ms / 1000)} s`;
  if (ms < 1.5 * HOUR) return `${Math.round(ms / MINUTE)} min`;
  if (ms < 2 * DAY) return `${Math.round(ms / HOUR)} h`;
  return `${Math.round(ms / DAY)} days`;
}

/** `2026-11-21 14:05 UTC`; with seconds where they count. */
export function absolute(at: number, { seconds = false } = {}): string {
  const text = new Date(at).toISOString();
  return `${text.slice(0, 10)} ${text.slice(11, seconds ? 19 : 16)} UTC`;
}

/** `14:05` */
export function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** `Sat 21 Nov` */
export function day(at: number): string {
  const date = new Date(at);
  return `${DAYS[date.getUTCDay()]} ${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]}`;
}

/** `1 node`, `5,000 nodes`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${grouped(number)} ${number === 1 ? one : many}`;
}

/** `5,000` */
export function grouped(number: number): string {
  return number.toLocaleString('en');
}

/** For a small place: `999`, `1.2k`, `34k`. */
export function compact(number: number): string {
  if (number < 1000) return String(number);
  const thousands = number / 1000;
  return thousands < 9.95 ? `${thousands.toFixed(1).replace(/\.0$/, '')}k` : `${Math.round(thousands)}k`;
}

/** `512 B`, `1.2 kB`, `3 MB`. */
export function bytes(number: number): string {
  if (number < 1000) return `${number} B`;
  const [size, unit] = number < 1_000_000 ? [number / 1000, 'kB'] : [number / 1_000_000, 'MB'];
  return `${size < 9.95 ? size.toFixed(1).replace(/\.0$/, '') : Math.round(size)} ${unit}`;
}

/** `development`, `development and qa`, `development, qa and staging`. */
export function enumerated(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}

/** With a capital and a full stop, as what a server says has none. */
export function sentence(text: string): string {
  const first = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.!?…]$/.test(first) ? first : `${first}.`;
}

/** `Ana Ruiz` of `Ana Ruiz <ana@example.com>`. */
export function personOf(author: string): string {
  return author.replace(/\s*<[^>]*>\s*$/, '') || author;
}
