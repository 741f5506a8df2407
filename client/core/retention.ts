/** A release on disk, and when it was last put into use (or staged), in milliseconds since 1970. */
export interface KeptSince {
  readonly name: string;
  readonly usedAt: number;
}

const KEEP = 3;

/** The releases that go: all but the one in use, the one before it, and the last used of the others, three in total. */
export function releasesToRemove(
  releases: readonly KeptSince[],
  { current, previous }: { readonly current: string | undefined; readonly previous: string | undefined },
): string[] {
  const rank = ({ name }: KeptSince): number => (name === current ? 0 : name === previous ? 1 : 2);
  return [...releases]
    .sort((a, b) => rank(a) - rank(b) || b.usedAt - a.usedAt)
    .slice(KEEP)
    .map(({ name }) => name)
    .filter((name) => name !== current);
}
