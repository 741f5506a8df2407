export interface Viewport {
  /** How far the first row's top is above the top of what can be seen, in pixels; negative where it is below. */
  readonly above: number;
  readonly height: number;
  readonly rowHeight: number;
}

export interface RowRange {
  /** 0-based. */
  readonly from: number;
  /** Exclusive. */
  readonly to: number;
}

/** So that rows are there before they come into view. A multiple of two keeps stripes where they are. */
const SPARE = 10;

/** The rows that are drawn, of any number of them. Steps of several rows, so that not every pixel of scrolling draws anew. */
export function rowsInView(count: number, { above, height, rowHeight }: Viewport): RowRange {
  const first = Math.floor(above / rowHeight / SPARE) * SPARE - SPARE;
  const last = Math.ceil((above + height) / rowHeight / SPARE) * SPARE + SPARE;
  const from = Math.min(Math.max(first, 0), count);
  return { from, to: Math.max(from, Math.min(last, count)) };
}

/** Where a key leads from a row: undefined for keys that lead nowhere. */
export function rowAfter(
  key: string,
  row: number,
  { count, page }: { readonly count: number; readonly page: number },
): number | undefined {
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  return step === undefined || count === 0 ? undefined : Math.min(Math.max(row + step, 0), count - 1);
}
