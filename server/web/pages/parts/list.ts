/** Several words as one value of a URL: commas between them, legible; those within are escaped, since a wave may be named anything. */
export function joinList(words: readonly string[]): string {
  return words.map((word) => word.replace(/[\\,]/g, '\\$&')).join(',');
}

export function splitList(text: string | undefined): readonly string[] {
  if (text === undefined || text === '') return [];
  const words: string[] = [''];
  for (const [part, escaped] of text.matchAll(/\\([\\,])|,|[^\\,]+|\\/g)) {
    if (part === ',') words.push('');
    else words.push(`${words.pop() ?? ''}${escaped ?? part}`);
  }
  return words.filter((word) => word !== '');
}

/** The list with a word put in, or taken out where it is there. */
export function toggled(words: readonly string[], word: string): readonly string[] {
  return words.includes(word) ? words.filter((one) => one !== word) : [...words, word];
}
