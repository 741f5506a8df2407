import * as z from 'zod';
import type { ErrorCode } from '../../../protocol/errors.ts';
import type { What } from '../content.ts';
import type { Answer, NamedHeader } from '../route.ts';

/** `?from=`: what it is that the host has. */
export const fromQuery = {
  from: z
    .string()
    .meta({
      description: 'The digest of the view that is known: only what differs is wanted.',
      pattern: '^sha256:[0-9a-f]{64}$',
    })
    .optional(),
};

/** What may be wrong where a file is asked for in parts, or on condition. */
export const FOR_FILES = [
  'precondition-failed',
  'range-not-satisfiable',
  'unknown-digest',
] as const satisfies readonly ErrorCode[];

const TYPES = { archive: 'application/gzip', manifest: 'application/x-ndjson' } as const;
const HEADERS = { archive: ['Repr-Digest'], manifest: ['Content-Encoding?'] } as const;
const MAY_BE_SAID: readonly NamedHeader[] = ['Repr-Digest?', 'Content-Encoding?', 'Accept-Ranges?'];

/** What is answered with the archive or the manifest of a view. `others`: media types that it can have besides. */
export function contentAnswers(
  what: What,
  named: readonly NamedHeader[],
  others: readonly string[] = [],
): Readonly<Record<number, Answer>> {
  const headers = [...named, ...HEADERS[what], 'Accept-Ranges?'] as const;
  const content = Object.fromEntries([TYPES[what], ...others].map((type) => [type, null]));
  return {
    200: { content, headers },
    206: { content: { [TYPES[what]]: null }, headers: [...headers, 'Content-Range'] },
    304: { headers: [...named, ...MAY_BE_SAID] },
  };
}
