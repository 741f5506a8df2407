/**
 * The candidate that a mistyped word most likely meant: the fewest letters added, dropped, changed or swapped, at most a
 * third of the word (and at least two) of them. Undefined where nothing is near.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let limit = Math.max(2, Math.floor(word.length / 3)) + 1;
  let found: string | undefined;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= limit) continue;
    const steps = distance(word.toLowerCase(), candidate.toLowerCase());
    // A word of three letters has nothing in common with what is three steps away.
    if (steps < limit && steps < candidate.length) [limit, found] = [steps, candidate];
  }
  return found;
}

/** Steps from one text to another, neighbours swapped counting as one. */
function distance(from: string, to: string): number {
  let before: number[] = [];
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const same = from[row - 1] === to[column - 1] ? 0 : 1;
      const steps = [at(above, column) + 1, at(current, column - 1) + 1, at(above, column - 1) + same];
      const swapped = from[row - 1] === to[column - 2] && from[row - 2] === to[column - 1];
      if (row > 1 && column > 1 && swapped) steps.push(at(before, column - 2) + 1);
      current.push(Math.min(...steps));
    }
    [before, above] = [above, current];
  }
  return at(above, to.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Number.POSITIVE_INFINITY;
}
