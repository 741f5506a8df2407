import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The number of what the head tells doors: with the next one, nothing that they were told before stands. It is kept in a
 * file, because doors that read it see it at once, and what is sent to them only when they come to it.
 */
export interface Edition {
  present(): number;
  /** Answers whether doors can see it. */
  next(): boolean;
  /** Where it could not be written before, tries again. */
  show(): boolean;
  close(): void;
}

/** As a door sees it. */
export interface SeenEdition {
  /** Undefined where it cannot be read. */
  present(): number | undefined;
  close(): void;
}

/** The file of a bulletin's edition. */
export function editionOf(bulletin: string): string {
  return join(dirname(bulletin), 'edition');
}

const BYTES = 8;

/** Goes on where the last head left off, in the same file: who still reads for that one sees that it is over. */
export function openEdition(path: string): Edition {
  const fd = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  let number = numberIn(fd) ?? 0;
  let isShown = true;
  const show = (): boolean => {
    if (isShown) return true;
    const bytes = Buffer.alloc(BYTES);
    bytes.writeDoubleLE(number);
    try {
      isShown = writeSync(fd, bytes, 0, BYTES, 0) === BYTES;
    } catch {
      return false;
    }
    return isShown;
  };
  return {
    present: () => number,
    next() {
      number++;
      isShown = false;
      return show();
    },
    show,
    close: () => closeSync(fd),
  };
}

/** Undefined where there is none. */
export function seeEdition(path: string): SeenEdition | undefined {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return undefined;
  }
  return { present: () => numberIn(fd), close: () => closeSync(fd) };
}

function numberIn(fd: number): number | undefined {
  const bytes = Buffer.alloc(BYTES);
  try {
    const number = readSync(fd, bytes, 0, BYTES, 0) === BYTES ? bytes.readDoubleLE() : Number.NaN;
    return Number.isSafeInteger(number) ? number : undefined;
  } catch {
    return undefined;
  }
}
