import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Owners } from '../core/drift.ts';
import type { Accounts } from './accounts.ts';

/**
 * Who the entries of a release belong to: whom the manifest names, where `accounts` knows them, otherwise whoever stages it.
 * The group of these is not looked at where new files get that of their directory, as with a set-group-id bit.
 */
export function ownersHere(
  release: string,
  accounts: Accounts = () => ({ uid: undefined, gid: undefined }),
): (entry: ManifestEntry | undefined) => Owners {
  const [uid, gid] = [process.geteuid?.(), process.getegid?.()];
  const own = { uid, gid: statSync(dirname(release)).gid === gid ? gid : undefined };
  return (entry) => {
    const named = accounts(entry);
    return {
      uid: entry?.owner === undefined ? own.uid : named.uid,
      gid: entry?.group === undefined ? own.gid : named.gid,
    };
  };
}
