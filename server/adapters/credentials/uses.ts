import type { Credential } from '../../core/credential.ts';
import type { TokenId } from '../../core/token.ts';
import type { ListedCredential } from '../../ports/credentials.ts';
import type { Use } from './queries.ts';

/** A credential that was asked for lately, with when it was last shown. */
export interface Entry {
  readonly credential: Credential;
  use: ListedCredential['lastUse'];
  /** As it is in the file. */
  written: ListedCredential['lastUse'];
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/**
 * Whether a use is worth being written down. Hosts ask all the time, and when is in the history, too: of them once an hour is
 * enough, and when they come from somewhere else.
 */
function isWorthIt({ credential, written }: Entry, { at, from }: Omit<Use, 'id'>): boolean {
  if (written === null) return true;
  const age = Math.abs(at - written.at);
  const often = credential.kind === 'node' && from === written.from ? HOUR_MS : MINUTE_MS;
  return age >= often;
}

export interface Uses {
  note(entry: Entry, use: Omit<Use, 'id'>): void;
  /** Writes what is noted: all of it at once, for who is about to end. */
  flush(): void;
}

const WAIT_MS = 5_000;
const SOON_MS = 50;
const PORTION = 500;

/** `write` may fail: then it is not known when they were shown. */
export function openUses(write: (uses: readonly Use[]) => void): Uses {
  const dirty = new Map<TokenId, Entry>();
  let timer: NodeJS.Timeout | undefined;

  const take = (most: number): Use[] => {
    const uses: Use[] = [];
    for (const [id, entry] of dirty) {
      if (uses.length === most) break;
      dirty.delete(id);
      entry.written = entry.use;
      if (entry.use !== null) uses.push({ id, ...entry.use });
    }
    return uses;
  };

  const portion = (most: number): void => {
    timer = undefined;
    const uses = take(most);
    if (uses.length > 0) write(uses);
    if (dirty.size > 0) later(SOON_MS);
  };

  const later = (waitMs: number): void => {
    timer ??= setTimeout(() => portion(PORTION), waitMs).unref();
  };

  return {
    note(entry, use) {
      entry.use = use;
      if (dirty.has(entry.credential.id) || !isWorthIt(entry, use)) return;
      dirty.set(entry.credential.id, entry);
      later(WAIT_MS);
    },
    flush() {
      clearTimeout(timer);
      portion(Number.POSITIVE_INFINITY);
    },
  };
}
