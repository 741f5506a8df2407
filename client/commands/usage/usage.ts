import type { KeyName } from '../../settings/keys.ts';

/** A command as the parser takes it and the help shows it. */
export interface Usage {
  readonly name: string;
  readonly summary: string;
  /** The settings that are flags of it. */
  readonly keys: readonly KeyName[];
  /** Switches that are on whatever else is said. */
  readonly implies?: readonly KeyName[];
  /** Flags that are no settings: they make sense for one call only. */
  readonly options?: readonly OwnOption[];
  /** As in `<path>`, or `[tag]` where it may be left out. */
  readonly words?: readonly OwnWord[];
  /** What follows the list of flags. */
  readonly help: string;
}

export interface OwnOption {
  /** As in `--every <MINUTES>`. */
  readonly flags: string;
  readonly help: string;
}

export interface OwnWord {
  readonly name: string;
  /** The setting that it stands for. */
  readonly key?: KeyName;
  readonly help: string;
}

/** Flags that are no settings, as they were given: text, or true for a switch. By their name without `--`. */
export type OwnFlags = Readonly<Record<string, string | true>>;
