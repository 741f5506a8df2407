/** What a tag is, as it is shown. */
export type ShownMark = 'good' | 'bad' | 'badfwd' | 'none' | 'broken';

export const MARK_WORDS: Readonly<Record<ShownMark, string>> = {
  good: 'good',
  bad: 'bad',
  badfwd: 'bad, go forward',
  none: 'unmarked',
  broken: 'broken',
};
