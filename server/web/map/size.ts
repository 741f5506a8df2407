import type { MapTag } from '../../../protocol/api/train.ts';
import { count, grouped } from '../words.ts';

type Size = MapTag['size'];

/** In pixels. */
const LOWEST = 4;
const HIGHEST = 22;

/** How high a tag's bar is: one more step with each doubling of the lines that changed. */
export function barHeight(size: Size): number {
  if (size === null) return LOWEST;
  const lines = (size.insertions ?? 0) + (size.deletions ?? 0);
  return Math.min(HIGHEST, LOWEST + 2 * Math.log2(1 + lines));
}

/** `, 2 files, +14 −3` */
export function sizeWords(size: Size): string {
  if (size === null) return '';
  const { files, insertions, deletions } = size;
  const lines = insertions === null || deletions === null ? '' : `, +${grouped(insertions)} −${grouped(deletions)}`;
  return `, ${count(files, 'file')}${lines}`;
}
