import { withoutSecrets } from './masking.ts';

/** Something an operator should fix, shown wherever status is shown. */
export interface Problem {
  /** Stable while the problem lasts, e.g. `tagstate:unknown-state:12`. */
  readonly id: string;
  readonly severity: 'error' | 'warning';
  /** What happened and why, one sentence. */
  readonly sentence: string;
  /** What to do next. */
  readonly hint: string;
  /** Where, for a control file. */
  readonly file?: string;
  readonly line?: number;
}

/** A problem with the instant (RFC 3339) since which it stands. */
export interface StandingProblem extends Problem {
  readonly since: string;
}

/** One error of a control file: all errors of a file are reported at once. */
export interface FileError {
  readonly file: string;
  /** 1-based; 0 where it is no file that is wrong but a variable of the environment or a flag. */
  readonly line: number;
  /** Dotted path of the key, or the word of a line file that is wrong. */
  readonly key: string;
  readonly expected: string;
  readonly found: string;
}

/** `schedule.yml line 4: waves.1.hours: expected a whole number of hours, found "1h"`. */
export function sentenceOf(error: FileError): string {
  const key = error.key === '' ? '' : `${error.key}: `;
  const line = error.line === 0 ? '' : ` line ${error.line}`;
  return withoutSecrets(`${error.file}${line}: ${key}expected ${error.expected}, found ${error.found}`);
}
