/** The narrow types that cross the wire. Text becomes one of these once, at the edge; the core never sees raw strings. */

declare const brand: unique symbol;
type Brand<Name extends string> = string & { readonly [brand]: Name };

/** `etchautotag-YYYYMMDD-HH00`, UTC. Sorting the names sorts the hours. */
export type TagName = Brand<'TagName'>;
/** Whole hours since 1970-01-01T00:00Z. */
export type Hour = number;
/** A lower-case RFC 1123 name of at most 253 characters, without a trailing dot. */
export type Hostname = Brand<'Hostname'>;
/** `sha256:` and 64 lower-case hex digits. */
export type Digest = Brand<'Digest'>;
/** 40 or 64 lower-case hex digits naming a git object. */
export type ObjectId = Brand<'ObjectId'>;
/** A wave's label, `[a-z0-9][a-z0-9._-]*`. */
export type Environment = Brand<'Environment'>;
/** Text that UTF-8 can hold, `/`-separated, relative, without empty, `.` or `..` segments, NUL or a leading slash. */
export type RelativePath = Brand<'RelativePath'>;

const HOUR_MS = 3_600_000;
const TAG = /^etchautotag-(\d{4})(\d{2})(\d{2})-(\d{2})00$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const PLAIN_PATH = /^[\x20-\x7e]+$/;
const DOTS_OR_NOTHING = /(?:^|\/)\.{0,2}(?:\/|$)/;
/** Half a character: two such paths would become the same bytes. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Accepts a leading `tags/`, as etch's nodetaggers print it. Undefined unless the name is a real hour of a real day. */
export function parseTagName(text: string): TagName | undefined {
  const name = text.startsWith('tags/') ? text.slice(5) : text;
  const parts = TAG.exec(name);
  if (!parts) return undefined;
  const [year, month, day, hour] = parts.slice(1).map(Number) as [number, number, number, number];
  if (hour > 23) return undefined;
  const at = Date.UTC(year, month - 1, day, hour);
  return year >= 1970 && tagNameOf(at / HOUR_MS) === name ? (name as TagName) : undefined;
}

export function tagNameOf(hour: Hour): TagName {
  const iso = new Date(hour * HOUR_MS).toISOString();
  return `etchautotag-${iso.slice(0, 4)}${iso.slice(5, 7)}${iso.slice(8, 10)}-${iso.slice(11, 13)}00` as TagName;
}

export function hourOf(tag: TagName): Hour {
  const digits = tag.slice('etchautotag-'.length);
  const at = Date.UTC(
    Number(digits.slice(0, 4)),
    Number(digits.slice(4, 6)) - 1,
    Number(digits.slice(6, 8)),
    Number(digits.slice(9, 11)),
  );
  return at / HOUR_MS;
}

/** The hour that an instant (milliseconds since 1970) lies in. */
export function floorHour(at: number): Hour {
  return Math.floor(at / HOUR_MS);
}

/** The instant (milliseconds since 1970) at which an hour begins. */
export function startOf(hour: Hour): number {
  return hour * HOUR_MS;
}

/** RFC 1123: labels of 1 to 63 letters, digits and inner hyphens. Lower-cases, drops one trailing dot. */
export function parseHostname(text: string): Hostname | undefined {
  // Some letters beyond ASCII, such as the Kelvin sign, become ASCII when lower-cased.
  if (text.length > 254 || !/^[A-Za-z0-9.-]+$/.test(text)) return undefined;
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (name.length === 0 || name.length > 253) return undefined;
  return name.split('.').every((label) => LABEL.test(label)) ? (name as Hostname) : undefined;
}

export function parseDigest(text: string): Digest | undefined {
  return /^sha256:[0-9a-f]{64}$/.test(text) ? (text as Digest) : undefined;
}

/** The 64 hex digits of a digest, as used in file names. */
export function hexOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

export function parseObjectId(text: string): ObjectId | undefined {
  return /^([0-9a-f]{40}|[0-9a-f]{64})$/.test(text) ? (text as ObjectId) : undefined;
}

export function parseEnvironment(text: string): Environment | undefined {
  return /^[a-z0-9][a-z0-9._-]*$/.test(text) && text.length <= 100 ? (text as Environment) : undefined;
}

export function parseRelativePath(text: string): RelativePath | undefined {
  // Nearly all paths are of this kind, and a host looks at tens of thousands of them.
  if (PLAIN_PATH.test(text)) return DOTS_OR_NOTHING.test(text) ? undefined : (text as RelativePath);
  if (text.length === 0 || text.includes('\0') || LONE_SURROGATE.test(text)) return undefined;
  const segments = text.split('/');
  return segments.some((segment) => segment === '' || segment === '.' || segment === '..')
    ? undefined
    : (text as RelativePath);
}
