/** A line of a unified diff, for showing it. */
export interface PatchLine {
  readonly kind: 'hunk' | 'added' | 'removed' | 'same' | 'note';
  readonly text: string;
  /** Of the file before and after; null where it is in none of them. */
  readonly before: number | null;
  readonly after: number | null;
}

const HUNK = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/;

/** The hunks of a unified patch of one file, without what names the file. */
export function patchLines(patch: string): PatchLine[] {
  const lines: PatchLine[] = [];
  let before = 0;
  let after = 0;
  let isInHunk = false;
  for (const line of patch.replace(/\n$/, '').split('\n')) {
    const [, from, to] = HUNK.exec(line) ?? [];
    if (from !== undefined && to !== undefined) {
      before = Number(from);
      after = Number(to);
      isInHunk = true;
      lines.push({ kind: 'hunk', text: line, before: null, after: null });
    } else if (isInHunk) {
      const text = line.slice(1);
      if (line.startsWith('+')) lines.push({ kind: 'added', text, before: null, after: after++ });
      else if (line.startsWith('-')) lines.push({ kind: 'removed', text, before: before++, after: null });
      else if (line.startsWith('\\')) lines.push({ kind: 'note', text: text.trim(), before: null, after: null });
      else lines.push({ kind: 'same', text, before: before++, after: after++ });
    }
  }
  return lines;
}
