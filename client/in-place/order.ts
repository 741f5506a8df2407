import { ancestorsOf, type Change } from './found.ts';

/** What is done to one path: `remove` takes away what is there, `make` puts what is to be there, over what is there if need be. */
export interface Operation {
  readonly kind: 'remove' | 'make';
  readonly change: Change;
}

/**
 * Brings changes, sorted by path, into an order in which each can be done: what must give way to something of another kind
 * goes first, inner ones before outer; then everything is put in its place, outer ones first; what merely leaves goes last, so
 * that a file that moves is at one of its places at every instant.
 */
export function operationsOf(changes: readonly Change[]): Operation[] {
  const giving = new Set(changes.filter(givesWay).map(({ path }) => path));
  const isInTheWay = ({ path }: Change): boolean =>
    giving.has(path) || ancestorsOf(path).some((ancestor) => giving.has(ancestor));
  const inward = [...changes].reverse();
  const removal = (change: Change): Operation => ({ kind: 'remove', change });
  return [
    ...inward.filter((change) => change.before !== null && isInTheWay(change)).map(removal),
    ...changes.filter(({ after }) => after !== null).map((change): Operation => ({ kind: 'make', change })),
    ...inward.filter((change) => change.before !== null && change.after === null && !isInTheWay(change)).map(removal),
  ];
}

/** A directory that becomes a file or a link, or the other way round. */
function givesWay({ before, after }: Change): boolean {
  return before !== null && after !== null && (before.kind === 'directory') !== (after.kind === 'directory');
}

/** The directory, there before and after, that new content waits in beside: the innermost above a path that is not changed. */
export function homeOf(path: string, changed: ReadonlySet<string>): string {
  let home = '';
  for (const ancestor of ancestorsOf(path)) {
    if (changed.has(ancestor)) return home;
    home = ancestor;
  }
  return home;
}
