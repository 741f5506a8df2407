import type { ManifestEntry } from '../../protocol/manifest.ts';
import { quoted } from '../core/checklist.ts';
import type { Accounts } from './accounts.ts';
import { examine } from './drift-check.ts';
import { ownersHere } from './owners.ts';

export { hashOfFile } from './hash.ts';

export interface Verification {
  readonly directory: string;
  readonly entries: readonly ManifestEntry[];
  readonly accounts: Accounts;
  readonly signal: AbortSignal;
}

/**
 * Compares a directory with a manifest completely: every hash, size, type, mode and owner, nothing missing, nothing besides.
 * Answers what is wrong with it, or null.
 */
export async function flawOfRelease({ directory, entries, accounts, signal }: Verification): Promise<string | null> {
  const [drifted] = await examine({ directory, entries, ownersOf: ownersHere(directory, accounts), signal });
  return drifted === undefined ? null : `${quoted(drifted.path)}: ${drifted.how.join(', ')}`;
}
