/** JSON leaves these as they are, and terminals and log viewers obey them. In JSON they can stand only inside of a string. */
const UNFIT = /[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu;

/** JSON on one line without a character that a terminal would obey, whatever strings it holds. */
export function plainJson(value: unknown, replace?: (key: string, value: unknown) => unknown): string {
  return JSON.stringify(value, replace).replace(UNFIT, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
