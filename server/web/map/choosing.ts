/** Which tags are chosen, as names with commas between them in the URL. */
export function chosenIn(text: string | undefined): string[] {
  return text === undefined ? [] : [...new Set(text.split(',').filter((name) => name !== ''))];
}

export interface Click {
  /** All names in the order shown. */
  readonly order: readonly string[];
  readonly chosen: readonly string[];
  readonly name: string;
  /** Up to here from what was chosen last (shift); this one more or less (ctrl, cmd). */
  readonly how: 'only' | 'range' | 'toggle';
}

/** What is chosen after a click or a key. The one chosen first stays first: ranges begin there. */
export function choose({ order, chosen, name, how }: Click): string[] {
  const isChosen = chosen.includes(name);
  if (how === 'toggle') return isChosen ? chosen.filter((one) => one !== name) : [...chosen, name];
  const [anchor] = chosen;
  if (how === 'range' && anchor !== undefined) {
    const from = order.indexOf(anchor);
    const to = order.indexOf(name);
    if (from >= 0 && to >= 0) {
      const between = order.slice(Math.min(from, to), Math.max(from, to) + 1);
      return [anchor, ...between.filter((one) => one !== anchor)];
    }
  }
  return isChosen && chosen.length === 1 ? [] : [name];
}
