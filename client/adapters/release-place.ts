import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Failure } from '../core/failure.ts';
import type { Place } from '../core/place.ts';
import { knownAccounts } from './accounts.ts';
import { findDrift } from './drift-check.ts';
import type { Layout } from './layout.ts';
import { activate, deactivate, readCurrent } from './releases.ts';

/** Releases are used where they are staged: `current` names one, and putting another into use is one rename. */
export function openReleasePlace(layout: Layout): Place {
  return {
    root: undefined,
    inUse() {
      const current = readCurrent(layout);
      return current.kind === 'release' ? { name: current.name, since: current.since } : undefined;
    },
    takenName() {
      const current = readCurrent(layout);
      return 'name' in current ? current.name : undefined;
    },
    async recover() {
      const failure = await flawOfTarget(layout);
      if (failure !== undefined) return { told: [], failure };
      if (readCurrent(layout).kind !== 'foreign') return { told: [] };
      const hint = 'Somebody else made it. Move it away, or give another directory with --target.';
      return { told: [], failure: { sentence: `${layout.current} is no symbolic link`, hint } };
    },
    async obstacle() {
      return undefined;
    },
    async activate({ name }) {
      activate(layout, name);
      return [];
    },
    async withdraw() {
      deactivate(layout);
      return [];
    },
    async drift({ name, directory, digest, entries }, { thorough, remembers, signal }) {
      const cache = join(layout.seen, name);
      return findDrift({
        directory,
        digest,
        entries,
        accountsOf: knownAccounts,
        cache,
        isThorough: thorough,
        remembers,
        signal,
      });
    },
    async repair() {
      return 'stage';
    },
  };
}

/** Only where there is a sign that a tree was changed from here it takes what knows of trees. */
async function flawOfTarget(layout: Layout): Promise<Failure | undefined> {
  if (!existsSync(join(layout.root, 'applied'))) return undefined;
  return (await import('../in-place/storage.ts')).treeOfTarget(layout);
}
