import { Token } from 'liquidjs';

/** Where the lines of the text begin that was asked about last. */
let last: { readonly input: string; readonly starts: readonly number[] } = { input: '', starts: [0] };

/**
 * LiquidJS counts characters from the beginning of a template for each name in it, which takes minutes where there are many.
 * Lines and columns stay the same, 1-based.
 */
export function findPositionsFast(): void {
  Token.prototype.getPosition = function position(this: Token): [number, number] {
    if (last.input !== this.input) last = { input: this.input, starts: startsOf(this.input) };
    const { starts } = last;
    let [low, high] = [0, starts.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= this.begin) low = middle + 1;
      else high = middle;
    }
    return [low, this.begin - (starts[low - 1] ?? 0) + 1];
  };
}

function startsOf(text: string): number[] {
  const starts = [0];
  for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', end + 1)) starts.push(end + 1);
  return starts;
}
