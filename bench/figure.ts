/** What was measured in several rounds. */
export interface Figure {
  readonly n: number;
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** In the order of the rounds. */
  readonly values: readonly number[];
}

/** Throws where there is no value: a figure that nothing was measured for is a mistake. */
export function figureOf(values: readonly number[]): Figure {
  const sorted = [...values].sort((a, b) => a - b);
  const [min, max] = [sorted[0], sorted.at(-1)];
  const [low, high] = [sorted[(sorted.length - 1) >> 1], sorted[sorted.length >> 1]];
  if (min === undefined || max === undefined || low === undefined || high === undefined)
    throw new Error('nothing was measured');
  return { n: values.length, median: (low + high) / 2, min, max, values };
}

/** A figure of something that each round has. */
export function figureBy<Round>(rounds: readonly Round[], of: (round: Round) => number): Figure {
  return figureOf(rounds.map(of));
}

/** `1.31 (1.22–1.40)`, with as many digits as say something. */
export function shown({ n, median, min, max }: Figure, unit = ''): string {
  const middle = `${digits(median)}${unit}`;
  return n === 1 ? middle : `${middle} (${digits(min)}–${digits(max)})`;
}

function digits(value: number): string {
  // What is left of a difference may be less than nothing.
  const size = Math.abs(value);
  const places = size === 0 || size >= 100 ? 0 : Math.min(4, 2 - Math.floor(Math.log10(size)));
  return value.toLocaleString('en-US', { minimumFractionDigits: places, maximumFractionDigits: places });
}

/** Of values in ascending order: that below which such a share of them lies. 0 where there are none. */
export function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
