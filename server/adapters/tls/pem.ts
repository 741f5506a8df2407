import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import type { Attempt } from '../../ports/common.ts';
import { reasonOf } from '../files/failure.ts';
import { secretPath } from '../files/secret-file.ts';

/** Where a file is: which setting says so, and what it says. */
export interface PemPlace {
  readonly setting: string;
  readonly place: string;
}

export interface PemFile {
  readonly path: string;
  readonly text: string;
  /** Each with its first and last line. */
  readonly blocks: readonly string[];
}

/** A list of some hundred thousand revoked certificates. */
const LIMIT_BYTES = 16 * 1024 * 1024;
const BEGIN = /^-----BEGIN [A-Z0-9 ]+-----/gm;

/** Reads what has one of these labels from a file that is no secret; one that is cut off in the middle cannot be used. */
export function readPem({ setting, place }: PemPlace, labels: readonly string[], hint: string): Attempt<PemFile> {
  const found = secretPath({ setting, place });
  if (!found.ok) return found;
  const path = found.value;
  try {
    const text = readWhole(path);
    const blocks = labels.flatMap((label) => blocksOf(text, label));
    if (blocks.length === 0) throw new Error(`there is no -----BEGIN ${labels[0]}----- in it`);
    if (hasOpenEnd(text)) throw new Error('it is cut off');
    return { ok: true, value: { path, text, blocks } };
  } catch (error) {
    return { ok: false, sentence: `${setting}: ${path} cannot be used: ${reasonOf(error)}`, hint };
  }
}

export function pathsOf(places: readonly (PemPlace | null)[]): string[] {
  return places.flatMap((place) => {
    const found = place === null ? undefined : secretPath(place);
    return found?.ok ? [found.value] : [];
  });
}

function blocksOf(text: string, label: string): string[] {
  return text.match(new RegExp(`^-----BEGIN ${label}-----[^-]*^-----END ${label}-----`, 'gm')) ?? [];
}

function hasOpenEnd(text: string): boolean {
  return (text.match(BEGIN) ?? []).length !== (text.match(/^-----END [A-Z0-9 ]+-----/gm) ?? []).length;
}

function readWhole(path: string): string {
  // A FIFO would be waited for.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(fd);
    if (!stats.isFile()) throw new Error('it is no regular file');
    if (stats.size > LIMIT_BYTES) throw new Error('it is larger than any such file');
    return readFileSync(fd, 'latin1');
  } finally {
    closeSync(fd);
  }
}
