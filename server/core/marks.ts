import type { Environment, TagName } from '../../protocol/names.ts';

export type MarkState = 'good' | 'bad' | 'badfwd';

/** One line of `tagstate` as it was understood. */
export interface MarkLine {
  readonly tag: TagName;
  readonly state: MarkState;
  /** Environment names as written, possibly unknown; null = no colon, the mark is for all. Empty = a colon and nothing. */
  readonly environments: readonly string[] | null;
  readonly reason: string;
  /** 1-based. */
  readonly line: number;
  readonly source: 'tagstate' | 'repository';
}

/** A tag's state in one environment. */
export interface Mark {
  readonly state: MarkState;
  readonly reason: string;
  readonly line: number;
  readonly source: 'tagstate' | 'repository';
}

/** The marks in effect: per tag the lines in file order, the base's and the repository's apart; the base's win (DESIGN 4.1). */
export interface Marks {
  readonly base: ReadonlyMap<TagName, readonly MarkLine[]>;
  readonly repository: ReadonlyMap<TagName, readonly MarkLine[]>;
  /** The environments of the schedule; a name that is not among them is unknown. */
  readonly environments: ReadonlySet<Environment>;
}
