import { formatPatch, OMIT_HEADERS, structuredPatch } from 'diff';

const AROUND = 2;
/** Finding the least difference of texts that have little in common takes long; such are shown one below the other. */
const MOST_EDITS = 400;

/** How a text became another one, as a unified patch; null = there was, or is, no such text. Empty where nothing differs by lines. */
export function textPatch(before: string | null, after: string | null): string {
  const [old, now] = [ended(before ?? ''), ended(after ?? '')];
  const patch = structuredPatch('', '', old, now, '', '', { context: AROUND, maxEditLength: MOST_EDITS });
  return patch === undefined ? wholePatch(old, now) : formatPatch(patch, OMIT_HEADERS);
}

/** Whether the last line is ended says nothing to whoever reads. */
function ended(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

function wholePatch(old: string, now: string): string {
  const lines = (text: string, sign: string): string[] =>
    text === ''
      ? []
      : text
          .replace(/\n$/, '')
          .split('\n')
          .map((line) => `${sign}${line}`);
  return ['@@ -1 +1 @@', ...lines(old, '-'), ...lines(now, '+')].join('\n');
}
