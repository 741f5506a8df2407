import { type Alternative, alternativesOf } from './glob-braces.ts';

const ACROSS = 'across';
type Character = string | { readonly wanted: (character: string) => boolean };
/** Of the name of one directory or file; `*` stands for any number of characters, none included. */
type Segment = typeof ACROSS | readonly (Character | typeof ANY_NUMBER)[];
const ANY_NUMBER = 0;

/**
 * A test for paths of a view: `*` and `?` stay within a segment, `**` goes across, `{a,b}` is either, `[a-z]` one of these, `\`
 * takes the meaning away, and names that begin with a dot are like any other. Undefined for a pattern that is empty, absolute,
 * has `..`, or stands for very many. A test takes at most length of path times length of pattern steps, whatever the pattern:
 * those who write patterns decide about a server's time, and about that of every host.
 */
export function pathGlob(pattern: string): ((path: string) => boolean) | undefined {
  if (pattern === '' || pattern.length > 500 || pattern.startsWith('/') || pattern.split('/').includes('..'))
    return undefined;
  const alternatives = alternativesOf(pattern.startsWith('./') ? pattern.slice(2) : pattern)?.map(segmentsOf);
  if (alternatives === undefined) return undefined;
  return (path) => {
    const names = path.split('/');
    return alternatives.some((segments) =>
      matchesSequence(segments, names, { isMany: isAcross, matches: matchesName }),
    );
  };
}

function isAcross(segment: Segment): boolean {
  return segment === ACROSS;
}

function segmentsOf(alternative: Alternative): Segment[] {
  const segments: Alternative[] = [[]];
  for (const piece of alternative) {
    if (piece === '/') segments.push([]);
    else segments.at(-1)?.push(piece);
  }
  const parsed = segments.map(segmentOf).filter((one, index, all) => one !== ACROSS || all[index - 1] !== ACROSS);
  const [before, last] = parsed.slice(-2);
  // `etc/**` is etc itself, too, `*/**` only what lies below a directory: so it was from the beginning.
  return last === ACROSS && before?.at(-1) === ANY_NUMBER ? [...parsed, [ANY_NUMBER]] : parsed;
}

function segmentOf(pieces: Alternative): Segment {
  if (pieces.length === 2 && pieces.every((piece) => piece === '*')) return ACROSS;
  const segment: (Character | typeof ANY_NUMBER)[] = [];
  for (let at = 0; at < pieces.length; at++) {
    const piece = pieces[at] ?? '';
    const set = piece === '[' ? setAt(pieces, at) : undefined;
    if (set !== undefined) {
      segment.push({ wanted: set.wanted });
      at = set.end;
    } else if (piece === '*') {
      if (segment.at(-1) !== ANY_NUMBER) segment.push(ANY_NUMBER);
    } else if (piece === '?') segment.push({ wanted: () => true });
    else segment.push(piece.slice(-1));
  }
  return segment;
}

/** `[abc]`, `[a-z]`, `[!a]`, `[^a]`; what is not closed is what it looks like. */
function setAt(pieces: Alternative, start: number) {
  const negated = pieces[start + 1] === '!' || pieces[start + 1] === '^';
  const first = start + (negated ? 2 : 1);
  const end = pieces.indexOf(']', first + 1);
  if (end === -1) return undefined;
  const characters = pieces.slice(first, end).map((piece) => (piece === '-' ? piece : piece.slice(-1)));
  const ranges: { from: string; to: string }[] = [];
  for (let at = 0; at < characters.length; at++) {
    const from = characters[at] ?? '';
    const isRange = characters[at + 1] === '-' && at + 2 < characters.length;
    ranges.push({ from, to: isRange ? (characters[at + 2] ?? from) : from });
    if (isRange) at += 2;
  }
  const isIn = (character: string) => ranges.some(({ from, to }) => from <= character && character <= to);
  return { end, wanted: (character: string) => isIn(character) !== negated };
}

function matchesName(segment: Segment, name: string): boolean {
  if (segment === ACROSS || name === '') return false;
  return matchesSequence(segment, name.split(''), {
    isMany: (wanted) => wanted === ANY_NUMBER,
    matches: (wanted, character) => (typeof wanted === 'object' ? wanted.wanted(character) : wanted === character),
  });
}

interface Rules<Wanted, Found> {
  /** It stands for any number of what is found. */
  readonly isMany: (wanted: Wanted) => boolean;
  readonly matches: (wanted: Wanted, found: Found) => boolean;
}

/** Where it goes wrong, the last one that stands for many takes one more: no earlier one could do better. */
function matchesSequence<Wanted, Found>(
  wanted: readonly Wanted[],
  found: readonly Found[],
  { isMany, matches }: Rules<Wanted, Found>,
): boolean {
  let [at, next] = [0, 0];
  let again: { at: number; next: number } | undefined;
  while (next < found.length) {
    const one = wanted[at];
    if (at < wanted.length && isMany(one as Wanted)) {
      again = { at, next };
      at++;
    } else if (at < wanted.length && matches(one as Wanted, found[next] as Found)) {
      at++;
      next++;
    } else if (again === undefined) return false;
    else {
      again = { at: again.at, next: again.next + 1 };
      at = again.at + 1;
      next = again.next;
    }
  }
  return wanted.slice(at).every(isMany);
}
