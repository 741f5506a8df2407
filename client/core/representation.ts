import type { IncomingHttpHeaders } from 'node:http';
import * as z from 'zod/mini';
import type { Digest } from '../../protocol/names.ts';

const representationSchema = z.strictObject({
  /** Strong, as it stood in the header. */
  etag: z.string(),
  /** The header `Repr-Digest`; null where there was none. */
  reprDigest: z.nullable(z.string()),
  /** Bytes of the whole. */
  size: z.int().check(z.positive()),
});

/** What names the bytes of a download, whichever server has them. Of two servers with one ETag each may have packed by itself. */
export type Representation = z.infer<typeof representationSchema>;

/** Undefined for a text that was not written by `JSON.stringify` of one. */
export function parseRepresentation(text: string): Representation | undefined {
  try {
    const parsed = representationSchema.safeParse(JSON.parse(text));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}

/** What a whole answer is one of; undefined where nothing tells it from another, so that it cannot be continued. */
export function representationOf(headers: IncomingHttpHeaders): Representation | undefined {
  const { etag } = headers;
  const size = headers['content-length'] ?? '';
  if (etag === undefined || etag.startsWith('W/') || !/^[1-9]\d{0,14}$/.test(size)) return undefined;
  return { etag, reprDigest: digestIn(headers), size: Number(size) };
}

/** Whether a part (206) is all the rest of a representation of which so many bytes are there. */
export function continues(headers: IncomingHttpHeaders, of: Representation, offset: number): boolean {
  return (
    headers['content-range'] === `bytes ${offset}-${of.size - 1}/${of.size}` &&
    headers.etag === of.etag &&
    digestIn(headers) === of.reprDigest
  );
}

function digestIn(headers: IncomingHttpHeaders): string | null {
  return headers['repr-digest']?.toString() ?? null;
}

/** Whether an answer says that it is the difference to another view. */
export function isOfDelta(headers: IncomingHttpHeaders): boolean {
  return headers.etag?.includes(';from=') ?? false;
}

/** Where to ask for what is different from a view that is there. */
export function pathFrom(path: string, from: Digest): string {
  return `${path}${path.includes('?') ? '&' : '?'}from=${from}`;
}
