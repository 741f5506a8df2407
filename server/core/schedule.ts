import type { Environment } from '../../protocol/names.ts';

export interface Wave {
  /** Unique; `<environment>+<hours>h` unless named. */
  readonly name: string;
  readonly environment: Environment;
  /** How many hours the wave lags. Integer, at least 0. */
  readonly hours: number;
  readonly require: 'not-bad' | 'good';
  /** Greater than `hours`. Not applied with `require: good`. */
  readonly lookbackHours: number;
  readonly groups: readonly string[];
  /** Share of the matching nodes, by hash; null = all. */
  readonly percent: number | null;
  readonly isDefault: boolean;
}

export interface Schedule {
  readonly waves: readonly Wave[];
}
