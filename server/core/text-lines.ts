/** A line of a file and what ended it; only the last one may have no end. */
export interface TextLine {
  readonly text: string;
  readonly end: '' | '\n' | '\r\n' | '\r';
}

const LINE = /([^\r\n]*)(\r\n|\n|\r)|[^\r\n]+$/g;

/** Put together again, the lines are the text, byte for byte. A text that ends with a line end has no empty line after it. */
export function linesOf(text: string): TextLine[] {
  return Array.from(text.matchAll(LINE), ([whole, content, end]) => ({
    text: content ?? whole,
    end: (end ?? '') as TextLine['end'],
  }));
}

export function textOf(lines: readonly TextLine[]): string {
  return lines.map(({ text, end }) => text + end).join('');
}
