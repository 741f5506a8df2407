import type { IncomingMessage } from 'node:http';
import type { Digest } from '../../protocol/names.ts';
import type { StoredFile } from '../ports/content.ts';
import { accepts } from './codings.ts';
import type { Door } from './door.ts';
import { unavailable } from './failures.ts';
import { failure, type Headers, type Reply } from './reply.ts';

export type What = 'archive' | 'manifest';

const TYPES = { archive: 'application/gzip', manifest: 'application/x-ndjson' } as const;

/** What names the content, before it is at hand. */
export function contentHeaders(digest: Digest, what: What): Headers & { readonly ETag: string } {
  const vary = what === 'manifest' ? { Vary: 'Accept, Accept-Encoding' } : {};
  return { ETag: `"${digest}"`, 'Content-Type': TYPES[what], ...vary };
}

/** What names a manifest as gzip. */
export function packedEtag(digest: Digest): string {
  return `"${digest};gzip"`;
}

/** Whether somebody takes gzip who says so. */
export function acceptsGzip(request: IncomingMessage): boolean {
  return accepts(request, 'gzip');
}

/** What names an archive that only leads from another view. */
export function deltaEtag(digest: Digest, from: Digest): string {
  return `"${digest};from=${from}"`;
}

export interface Wanted {
  readonly digest: Digest;
  readonly what: What;
  readonly headers: Headers;
  /** Of an archive: what the host has. Where it can be had, it gets only what is different. */
  readonly from: Digest | undefined;
  /** Of a manifest: whether it may be gzip. */
  readonly packed: boolean;
}

/** The archive or the manifest of a view, as a file to stream. */
export async function contentReply(door: Door, wanted: Wanted): Promise<Reply> {
  const reply = await findReply(door, wanted);
  // Room may be made for others before it is opened.
  return reply.kind === 'file' ? { ...reply, again: () => findReply(door, wanted) } : reply;
}

async function findReply(door: Door, { digest, what, headers, from, packed }: Wanted): Promise<Reply> {
  const delta = what === 'archive' && from !== undefined ? await findDelta(door, from, digest) : undefined;
  if (delta !== undefined && from !== undefined) {
    const named = { ...headers, ETag: deltaEtag(digest, from), 'Repr-Digest': reprDigest(delta) };
    return { kind: 'file', file: delta, headers: named };
  }
  const smaller = what === 'manifest' && packed ? await findPacked(door, digest) : undefined;
  if (smaller !== undefined) {
    const named = { ...headers, ETag: packedEtag(digest), 'Content-Encoding': 'gzip' };
    return { kind: 'file', file: smaller, headers: named };
  }
  const found = await findContent(door, digest, what);
  if ('kind' in found) return found;
  return {
    kind: 'file',
    file: found,
    headers: { ...headers, ...(what === 'archive' ? { 'Repr-Digest': reprDigest(found) } : {}) },
  };
}

/** The file, or why there is none. */
export async function findContent(
  { context }: Door,
  digest: Digest,
  what: What,
): Promise<StoredFile | Extract<Reply, { kind: 'failure' }>> {
  try {
    const found = await context.views[what](digest);
    return found ?? unknownDigest(digest);
  } catch (error) {
    context.log.error('content cannot be given out', { digest, what, error });
    return unavailable({
      sentence: `the ${what} of ${digest} cannot be given out now`,
      hint: "the server's log has the reason; hosts keep what they have and ask again",
    });
  }
}

/** Undefined wherever there is none: the whole is never wrong. */
async function findDelta({ context }: Door, from: Digest, to: Digest): Promise<StoredFile | undefined> {
  try {
    return await context.views.delta(from, to);
  } catch (error) {
    context.log.warn('a delta cannot be made: the whole archive is given out', { from, to, error });
    return undefined;
  }
}

/** Undefined wherever there is none: the manifest as it is then says what is wrong. */
async function findPacked({ context }: Door, digest: Digest): Promise<StoredFile | undefined> {
  return context.views.packedManifest(digest).catch((error: unknown) => {
    context.log.warn('a manifest cannot be compressed: it is given out as it is', { digest, error });
    return undefined;
  });
}

export function unknownDigest(digest: Digest) {
  return failure(
    'unknown-digest',
    `there is no view ${digest}`,
    'ask for the assignment again: what was handed out is kept for a day, and as long as a tag has it',
  );
}

/** RFC 9530: of the whole, also where only a part is sent. */
function reprDigest({ sha256 }: StoredFile): string {
  return `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
}
