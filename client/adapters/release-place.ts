import type { Place } from '../core/place.ts';
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
    async drift() {
      return [];
    },
    async repair() {
      return [];
    },
  };
}
