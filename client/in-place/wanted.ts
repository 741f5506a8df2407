import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import { findAccounts } from '../adapters/accounts.ts';
import { publish } from '../adapters/publish.ts';
import { permissionsOf } from '../core/drift.ts';
import { Refused } from '../core/failure.ts';
import type { Attributes, Wanted } from './found.ts';
import { makePrivate, namesIn, type Storage } from './storage.ts';

/** What is about Tagwave itself stays with the release. */
const OWN = '.tagwave/';

/** Whoever runs this: whom files belong to where the manifest says nothing. */
export function ownAttributes(mode: number): Attributes {
  return { mode, uid: process.geteuid?.() ?? 0, gid: process.getegid?.() ?? 0 };
}

/** A manifest as this host is to have it. Throws `Refused` for an owner or group that the host does not know. */
export async function wantedOf(entries: readonly ManifestEntry[]): Promise<Map<string, Wanted>> {
  const found = await findAccounts(entries);
  if (found.kind === 'failed') throw new Refused(found.failure);
  const wanted = new Map<string, Wanted>();
  for (const entry of entries) {
    const { path, mode, size, sha256 } = entry;
    if (path.startsWith(OWN)) continue;
    const own = ownAttributes(mode === '120000' ? 0o777 : permissionsOf(entry));
    const { uid = own.uid, gid = own.gid } = found.accounts(entry);
    wanted.set(path, { entry: { path, mode, size, sha256 }, mode: own.mode, uid, gid });
  }
  return wanted;
}

type Row = readonly [string, Wanted['entry']['mode'], number, string, number, number, number];

/** What was put onto the tree is known without the release, which may be removed: by the plan's id, as the ledger names it. */
export function keepWanted(storage: Storage, plan: string, wanted: ReadonlyMap<string, Wanted>): void {
  makePrivate(storage.trees);
  const rows = [...wanted.values()].map(
    ({ entry: { path, mode, size, sha256 }, ...own }): Row => [path, mode, size, sha256, own.mode, own.uid, own.gid],
  );
  publish(join(storage.trees, plan), JSON.stringify(rows));
}

/** Throws `Refused` for one that is gone or damaged: then nobody knows what on the tree is Tagwave's. */
export function readWanted(storage: Storage, plan: string): Map<string, Wanted> {
  try {
    const rows = JSON.parse(readFileSync(join(storage.trees, plan), 'utf8')) as Row[];
    return new Map(
      rows.map(([path, mode, size, sha256, perm, uid, gid]) => [
        path,
        { entry: { path, mode, size, sha256 }, mode: perm, uid, gid },
      ]),
    );
  } catch {
    throw new Refused({
      sentence: `${join(storage.trees, plan)} is gone or damaged: what on the tree is Tagwave's is not known`,
      hint: `Nothing is touched. Get it back from a backup of ${storage.target}.`,
    });
  }
}

export function dropOtherTrees(storage: Storage, plan: string): void {
  for (const name of namesIn(storage.trees)) if (name !== plan) rmSync(join(storage.trees, name), { force: true });
}
