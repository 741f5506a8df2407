import { type Ink, ink, type Style } from './ink.ts';

const STYLES: readonly (readonly [start: string, style: Style])[] = [
  ['+++', 'strong'],
  ['---', 'strong'],
  ['diff ', 'strong'],
  ['@@', 'note'],
  ['+', 'good'],
  ['-', 'bad'],
];

/** A patch as a person reads it: coloured where the terminal is, and with nothing in it that would steer it. */
export function painted(patch: string): Ink[] {
  return patch
    .replace(/\n$/, '')
    .split('\n')
    .map((line) => {
      const style = STYLES.find(([start]) => line.startsWith(start))?.[1];
      // Tabs are part of what differs.
      return {
        ink: line
          .split('\t')
          .map((part) => ink(part, style).ink)
          .join('\t'),
      };
    });
}
