import { parseState } from '../core/state-schema.ts';
import type { Layout } from './layout.ts';
import { forgotten, type Remembered, readText } from './state-file.ts';

/** Reads what the host remembers, whoever wrote it; a missing, damaged or unreadable file is like a first run. */
export function readState(layout: Layout): Remembered {
  const text = readText(layout);
  return typeof text === 'string' ? understood(layout, text) : text;
}

/** Looks at every field of a text that may be anything. */
export function understood(layout: Layout, text: string): Remembered {
  const state = parseState(text);
  return state === undefined ? forgotten(`${layout.state} is damaged`) : { state, problem: undefined };
}
