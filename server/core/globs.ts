import { type Hostname, parseHostname } from '../../protocol/names.ts';

type Token = string | typeof STAR | typeof GLOBSTAR;
const STAR = 1;
const GLOBSTAR = 2;

/** A pattern of host names: `*` stands for anything within a label, `**` for anything across labels; both may be empty. */
export interface Glob {
  /** Lower-case, as it is compared and shown. */
  readonly text: string;
  /** What a name must begin and end with. */
  readonly prefix: string;
  readonly suffix: string;
  /** What lies between, one character or wildcard each. */
  readonly between: readonly Token[];
}

/** A host as control files name it: one name, or a pattern of names. */
export type HostPattern =
  | { readonly kind: 'exact'; readonly hostname: Hostname }
  | { readonly kind: 'glob'; readonly glob: Glob };

const LABEL = /^[a-z0-9*]([a-z0-9*-]*[a-z0-9*])?$/;

/** Undefined for a text without a `*` (that is a host name) and for one that no host name could match. */
export function parseGlob(text: string): Glob | undefined {
  const name = (text.endsWith('.') ? text.slice(0, -1) : text).toLowerCase();
  if (!name.includes('*') || name.length > 253 || !name.split('.').every((label) => LABEL.test(label)))
    return undefined;
  const first = name.indexOf('*');
  const last = name.lastIndexOf('*');
  return {
    text: name,
    prefix: name.slice(0, first),
    suffix: name.slice(last + 1),
    between: tokens(name.slice(first, last + 1)),
  };
}

/** Undefined for a text that is neither a host name nor a pattern of host names. */
export function parseHostPattern(text: string): HostPattern | undefined {
  const hostname = parseHostname(text);
  if (hostname !== undefined) return { kind: 'exact', hostname };
  const glob = parseGlob(text);
  return glob && { kind: 'glob', glob };
}

export function patternText(pattern: HostPattern): string {
  return pattern.kind === 'exact' ? pattern.hostname : pattern.glob.text;
}

/** Takes at most length of name times length of pattern steps, whatever the pattern. */
export function matchesGlob(glob: Glob, hostname: Hostname): boolean {
  const { prefix, suffix, between } = glob;
  if (hostname.length < prefix.length + suffix.length) return false;
  if (!hostname.startsWith(prefix) || !hostname.endsWith(suffix)) return false;
  const rest = hostname.slice(prefix.length, hostname.length - suffix.length);
  if (between.length === 1) return between[0] === GLOBSTAR || !rest.includes('.');
  return matchesTokens(between, rest);
}

function tokens(text: string): Token[] {
  return [...text.matchAll(/\*{2,}|./g)].map(([token]) =>
    token === '*' ? STAR : token.startsWith('*') ? GLOBSTAR : token,
  );
}

/** Walks the text once, keeping all the places in the pattern that its beginning can have reached. */
function matchesTokens(pattern: readonly Token[], text: string): boolean {
  let reached = skipWildcards(pattern, new Set([0]));
  for (const character of text) {
    const next = new Set<number>();
    for (const place of reached) {
      const token = pattern[place];
      if (token === GLOBSTAR || (token === STAR && character !== '.')) next.add(place);
      else if (token === character) next.add(place + 1);
    }
    reached = skipWildcards(pattern, next);
  }
  return reached.has(pattern.length);
}

/** A wildcard may stand for nothing: what reaches it reaches what follows. A set visits what is added while it is walked. */
function skipWildcards(pattern: readonly Token[], reached: Set<number>): Set<number> {
  for (const place of reached) if (pattern[place] === STAR || pattern[place] === GLOBSTAR) reached.add(place + 1);
  return reached;
}
