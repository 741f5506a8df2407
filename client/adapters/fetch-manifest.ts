import type { Assignment } from '../../protocol/assignment.ts';
import { BadManifest, digestOf, type ManifestEntry } from '../../protocol/manifest.ts';
import { type Brake, readBrake } from '../core/answer.ts';
import { quoted } from '../core/checklist.ts';
import { type Failed, failedBecause } from '../core/outcome.ts';
import { readBody } from './http.ts';
import { parsed } from './releases.ts';
import { ask, type Response, type Servers } from './servers.ts';

/** What was asked for, or why the run ends without it: any request may meet the killswitch. */
export type Fetched<Value> = { readonly kind: 'fetched'; readonly value: Value } | Brake | Failed;

export interface Manifest {
  readonly bytes: Buffer;
  readonly entries: readonly ManifestEntry[];
}

const MANIFEST_LIMIT_BYTES = 256 * 1024 * 1024;
/** A path of 4 KiB of which every byte is escaped, and the rest of its line. */
const LINE_LIMIT_BYTES = 32 * 1024;
const ERROR_LIMIT_BYTES = 1024 * 1024;
const TOTAL_MS = 300_000;
const HINT = 'Nothing was changed. Look at the server, and at what stands between it and this host.';

/** The manifest of an assigned view: of this digest, with as many files and bytes as announced, and nothing in it that no view can hold. */
export async function fetchManifest(servers: Servers, assignment: Assignment): Promise<Fetched<Manifest>> {
  const path = pathOf(assignment.links.manifest);
  if (path === undefined) return badLink(assignment.links.manifest);
  const limit = Math.min(assignment.files * LINE_LIMIT_BYTES, MANIFEST_LIMIT_BYTES);
  const found = await ask<Fetched<Manifest>>(servers, {
    path,
    totalMs: TOTAL_MS,
    read: async (response) => {
      if (response.status !== 200) return unexpected('manifest', response);
      const bytes = await readBody(response.body, limit);
      return bytes === undefined
        ? bad(`the manifest is larger than ${assignment.files} files can make it`)
        : check(bytes, assignment);
    },
    garbled: (why) => bad(`cannot fetch the manifest: ${why}`),
  });
  return found.kind === 'found' ? found.value : nobody('manifest', found.why);
}

function check(bytes: Buffer, { digest, files, bytes: total }: Assignment): Fetched<Manifest> {
  const actual = digestOf(bytes);
  if (actual !== digest)
    return bad(`the manifest is not the one that was assigned: its digest is ${actual}, not ${digest}`);
  try {
    const entries = parsed(digest, bytes);
    const sum = entries.reduce((before, { size }) => before + size, 0);
    if (entries.length !== files || sum !== total)
      return bad(`the manifest has ${entries.length} files of ${sum} bytes, but ${files} of ${total} were announced`);
    return { kind: 'fetched', value: { bytes, entries } };
  } catch (error) {
    if (!(error instanceof BadManifest)) throw error;
    return bad(`the manifest is refused: ${error.message}`);
  }
}

/** A server that is not to be believed, or something that changes what it says. */
export function bad(sentence: string): Failed {
  return failedBecause(sentence, HINT);
}

/** Links are paths below the server's URL; whatever leads elsewhere is not followed. */
export function pathOf(link: string): string | undefined {
  const isPath = /^\/[A-Za-z0-9._~:@!$&'()*+,;=%/?-]*$/.test(link) && !link.startsWith('//');
  return isPath && !/\/\.{1,2}(\/|\?|$)|%2e/i.test(link) ? link : undefined;
}

export function badLink(link: string): Failed {
  return bad(`the server's answer links to ${quoted(link.slice(0, 200))}, which is no path below its URL`);
}

/** What a response means that is not what was asked for. */
export async function unexpected(what: string, { status, body }: Response): Promise<Brake | Failed> {
  const bytes = await readBody(body, ERROR_LIMIT_BYTES);
  return readBrake(status, bytes ?? Buffer.alloc(0)) ?? bad(`cannot fetch the ${what}: the server answers ${status}`);
}

export function nobody(what: string, why: readonly string[]): Failed {
  const hint = 'Nothing was changed; the next run tries again. Look at the server and the network.';
  return { ...failedBecause(`cannot fetch the ${what}: ${why.join('; ')}`, hint), onTheWay: true };
}
