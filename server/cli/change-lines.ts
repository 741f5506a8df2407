import type { ChangedFile, Comparison } from '../../protocol/api/changes.ts';
import { plural } from './terminal.ts';

const SIGN = { added: 'A', modified: 'M', deleted: 'D', renamed: 'R', type: 'T' } as const;

/** Which files differ, one a line. */
export function fileLines({ files, more }: Pick<Comparison, 'files' | 'more'>, most = files.length): string[] {
  const left = files.length + more - Math.min(most, files.length);
  return [...files.slice(0, most).map(fileLine), ...(left === 0 ? [] : [`  and ${plural(left, 'more file')}`])];
}

function fileLine({ status, path, oldPath, insertions, deletions }: ChangedFile): string {
  const lines = insertions === null || deletions === null ? '' : ` (${linesText(insertions, deletions)})`;
  return `  ${SIGN[status]} ${oldPath === null ? '' : `${oldPath} → `}${path}${lines}`;
}

/** `etchautotag-… → etchautotag-…: 3 files, +12 −4`. */
export function sizeText({ from, to, size }: Pick<Comparison, 'from' | 'to' | 'size'>): string {
  const { files, insertions, deletions } = size;
  const what = files === 0 ? 'the same files' : plural(files, 'file');
  const lines = files === 0 || insertions === null || deletions === null ? '' : `, ${linesText(insertions, deletions)}`;
  return `${from.name} → ${to.name}: ${what}${lines}`;
}

function linesText(insertions: number, deletions: number): string {
  return `+${insertions} −${deletions}`;
}
