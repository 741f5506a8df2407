import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Owners } from '../core/drift.ts';

/**
 * Who the entries of a release belong to: where the manifest does not say, whoever stages it. Its group is not looked at
 * where new files get that of their directory, as with a set-group-id bit.
 */
export function ownersHere(release: string): (entry: ManifestEntry | undefined) => Owners {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  const own = { uid, gid: statSync(dirname(release)).gid === gid ? gid : undefined };
  return (entry) => ({
    uid: entry?.owner === undefined ? own.uid : undefined,
    gid: entry?.group === undefined ? own.gid : undefined,
  });
}
