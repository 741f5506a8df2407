import { canBeDelta, DELTA_PATH, deltaBytes, parseDelta, type Step, stepBetween } from '../../protocol/delta.ts';
import type { ManifestEntry } from '../../protocol/manifest.ts';
import type { Digest } from '../../protocol/names.ts';
import { type ArchiveHeader, BadContent } from './checklist.ts';

interface View {
  readonly digest: Digest;
  readonly entries: readonly ManifestEntry[];
}

/** What a delta from one view to another must be. Both manifests are known: nothing of it is left to whoever sends it. */
export interface DeltaPlan extends Pick<Step, 'written' | 'unchanged'> {
  /** The most bytes of a tar that say what it is. */
  readonly limit: number;
  /** Whether an archive with this first entry is a delta. */
  announces(header: ArchiveHeader): boolean;
  /** Throws `BadContent` unless the first entry says what it must. */
  check(bytes: Uint8Array): void;
}

/** The same may be written with spaces, or in other words of JSON. */
const LEEWAY = 4096;

/** Undefined where an archive does not tell whether it is a delta. */
export function planDelta(from: View, to: View): DeltaPlan | undefined {
  if (!canBeDelta(to.entries)) return undefined;
  const { written, unchanged, deleted } = stepBetween(from.entries, to.entries);
  const expected = { from: from.digest, to: to.digest, delete: [...deleted] };
  const most = 2 * deltaBytes(expected).length + LEEWAY;
  return {
    written,
    unchanged,
    limit: most + LEEWAY,

    announces({ name, type, size }) {
      if (name !== DELTA_PATH) return false;
      if (type !== 'file') throw new BadContent(`${DELTA_PATH} is a ${type ?? 'thing of unknown type'}`);
      if (size === undefined || size > most)
        throw new BadContent(`${DELTA_PATH} has ${size ?? 'an unknown number of'} bytes, expected at most ${most}`);
      return true;
    },

    check(bytes) {
      const found = parseDelta(bytes);
      if (found === undefined) throw new BadContent(`${DELTA_PATH} is not understood`);
      if (found.from !== from.digest) throw new BadContent(`it leads from ${found.from}, not from ${from.digest}`);
      if (found.to !== to.digest) throw new BadContent(`it leads to ${found.to}, not to ${to.digest}`);
      const isSame = found.delete.length === deleted.length && deleted.every((path, at) => path === found.delete[at]);
      if (!isSame) throw new BadContent('it deletes other paths than those that the two manifests differ by');
    },
  };
}
