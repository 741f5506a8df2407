import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { sealed, unsealed } from '../core/seal.ts';
import { EMPTY_STATE, type State } from '../core/state.ts';
import { BUILD } from '../version.ts';
import type { Layout } from './layout.ts';
import { publish } from './publish.ts';

const LIMIT_BYTES = 1024 * 1024;

export interface Remembered {
  readonly state: State;
  /** Why nothing is remembered although there is a file. */
  readonly problem: string | undefined;
}

/**
 * Reads what the host remembers; a missing, damaged or unreadable file is like a first run. What looks at every field is only
 * loaded for a file that this build did not write itself.
 */
export async function recallState(layout: Layout): Promise<Remembered> {
  const text = readText(layout);
  if (typeof text !== 'string') return text;
  const state = unsealed(text, BUILD);
  return state === undefined
    ? (await import('./read-state.ts')).understood(layout, text)
    : { state, problem: undefined };
}

/** The file's text; where there is none to be had, what that comes to. */
export function readText(layout: Layout): string | Remembered {
  try {
    return readLimited(layout.state);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? { state: EMPTY_STATE, problem: undefined }
      : forgotten(`cannot read ${layout.state}: ${code}`);
  }
}

export function forgotten(why: string): Remembered {
  return { state: EMPTY_STATE, problem: why };
}

function readLimited(path: string): string {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if (fstatSync(fd).size > LIMIT_BYTES) return '';
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

export function writeState(layout: Layout, state: State): void {
  publish(layout.state, sealed(state, BUILD));
}
