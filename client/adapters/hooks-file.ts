import { createHash } from 'node:crypto';
import { closeSync, constants, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HooksFile } from '../../protocol/hooks.ts';
import type { Failure } from '../core/failure.ts';
import type { ReleaseOnDisk } from '../core/place.ts';

export type ReadHooks =
  | { readonly kind: 'read'; readonly hooks: HooksFile }
  | { readonly kind: 'failed'; readonly failure: Failure };

/** The same as HOOKS_PATH, here so that releases without hooks need not load what understands them. */
export const PATH_OF_HOOKS = '.tagwave/hooks.json';
const NONE: HooksFile = { hooks: [], verify: [] };

/**
 * The hooks of a release. What will run is what was verified: bytes of another hash are refused, and so is what this version
 * does not understand, as a release must never go without the hooks that it has.
 */
export async function readHooks({
  directory,
  entries,
}: Pick<ReleaseOnDisk, 'directory' | 'entries'>): Promise<ReadHooks> {
  const entry = entries.find(({ path }) => path === PATH_OF_HOOKS);
  if (entry === undefined) return { kind: 'read', hooks: NONE };
  const { parseHooks } = await import('../../protocol/hooks.ts');
  const path = join(directory, PATH_OF_HOOKS);
  const bytes = readGently(path);
  const isVerified = bytes !== undefined && createHash('sha256').update(bytes).digest('hex') === entry.sha256;
  if (!isVerified) return failed(`${path} is not what its manifest says`, 'The next run stages the release anew.');
  const hooks = parseHooks(bytes);
  if (hooks === undefined)
    return failed(
      `cannot understand the hooks of the release (${path})`,
      'Nothing was changed. They may be meant for a newer tagwave than this one: update it.',
    );
  return { kind: 'read', hooks };
}

function readGently(path: string): Buffer | undefined {
  try {
    const fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    try {
      return readFileSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}

function failed(sentence: string, hint: string): ReadHooks {
  return { kind: 'failed', failure: { sentence, hint } };
}
