import { setImmediate } from 'node:timers/promises';

/**
 * Settles when everything has been read that had arrived before: connections are accepted in one turn of the event loop and
 * read in the next. Nobody who asked in time is turned away.
 */
export async function readWhatHasArrived(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}
