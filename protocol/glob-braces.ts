/** A pattern without braces, one piece a character; what was escaped stands as `\` and the character. */
export type Alternative = string[];

const MOST = 256;

/** What a pattern with `{a,b}` stands for, one by one; undefined where that is more than 256 patterns. Without a comma braces are plain text. */
export function alternativesOf(pattern: string): Alternative[] | undefined {
  const pending: Alternative[] = [pattern.match(/\\[\s\S]|[\s\S]/g) ?? []];
  const found: Alternative[] = [];
  for (let pieces = pending.pop(); pieces !== undefined; pieces = pending.pop()) {
    const group = groupIn(pieces);
    if (group === undefined)
      found.push(pieces.map((piece) => (piece === '\\{' || piece === '\\}' ? piece.slice(1) : piece)));
    else for (const choice of group.choices) pending.push([...group.before, ...choice, ...group.after]);
    if (found.length + pending.length > MOST) return undefined;
  }
  return found;
}

/** The first group with a comma of its own. */
function groupIn(pieces: Alternative) {
  for (let start = pieces.indexOf('{'); start !== -1; start = pieces.indexOf('{', start + 1)) {
    let depth = 0;
    const commas: number[] = [];
    for (let at = start; at < pieces.length; at++) {
      if (pieces[at] === '{') depth++;
      if (pieces[at] === ',' && depth === 1) commas.push(at);
      if (pieces[at] !== '}' || --depth > 0) continue;
      if (commas.length === 0) break;
      const ends = [...commas, at];
      const choices = ends.map((end, index) =>
        pieces.slice((index === 0 ? start : (ends[index - 1] ?? start)) + 1, end),
      );
      return { choices, before: pieces.slice(0, start), after: pieces.slice(at + 1) };
    }
  }
  return undefined;
}
