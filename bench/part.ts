/** What every part of the measurements is given. */
export interface Bench {
  /** Where the bundled commands are, this one among them. */
  readonly dist: string;
  /** A directory to write to, removed at the end. */
  readonly work: string;
  readonly fileSystem: string;
  /** Only to see that it works: fewer rounds, smaller fleets, figures that say little. */
  readonly isQuick: boolean;
  readonly progress: (text: string) => void;
}

export interface Measured {
  /** For the terminal. */
  readonly lines: readonly string[];
  /** For the file of results; anything that JSON can hold. */
  readonly figures: unknown;
}

export type Measure = (bench: Bench) => Promise<Measured>;
