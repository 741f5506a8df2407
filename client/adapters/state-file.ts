import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { EMPTY_STATE, parseState, type State } from '../core/state.ts';
import type { Layout } from './layout.ts';
import { publish } from './publish.ts';

const LIMIT_BYTES = 1024 * 1024;

export interface Remembered {
  readonly state: State;
  /** Why nothing is remembered although there is a file. */
  readonly problem: string | undefined;
}

/** Reads what the host remembers; a missing, damaged or unreadable file is like a first run. */
export function readState(layout: Layout): Remembered {
  try {
    const text = readLimited(layout.state);
    const state = parseState(text);
    return state === undefined ? forgotten(`${layout.state} is damaged`) : { state, problem: undefined };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT'
      ? { state: EMPTY_STATE, problem: undefined }
      : forgotten(`cannot read ${layout.state}: ${code}`);
  }
}

function forgotten(why: string): Remembered {
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
  publish(layout.state, `${JSON.stringify(state, null, 2)}\n`);
}
