import type { Hostname } from '../../../protocol/names.ts';
import type { TokenId } from '../../core/token.ts';
import type { Credentials, KnownCredentials } from '../../ports/credentials.ts';
import { openAccess } from './access.ts';
import type { Queries } from './queries.ts';
import { openRecent } from './recent.ts';
import { type Entry, openUses } from './uses.ts';
import { openWriting } from './writing.ts';

export interface CredentialsOptions {
  readonly stateDir: string;
  /** Goes through the whole file when it is opened, which takes a second where a fleet is large: for one process of a server. */
  readonly isThorough: boolean;
}

/** At least so many are at hand; of a larger fleet the others are read when they ask. */
const AT_HAND = 32_768;

/**
 * The credentials in `<state_dir>/credentials.sqlite`. Opening reads nothing, and makes nothing: the file is made with the first
 * credential. Never throws for what lies outside of this program.
 */
export function openCredentials({ stateDir, isThorough }: CredentialsOptions): Credentials {
  const recent = openRecent<TokenId, Entry>(AT_HAND);
  const forget = (ids: readonly TokenId[] | undefined): void => {
    if (ids === undefined) recent.clear();
    else for (const id of ids) recent.delete(id);
  };
  const access = openAccess({ stateDir, isThorough, onChange: forget });
  /** Asks the file, where there is one. */
  const asked = <Answer>(ask: (queries: Queries) => Answer, otherwise: Answer): Answer => {
    const queries = access.look();
    if (queries === undefined) return otherwise;
    try {
      return ask(queries);
    } catch (error) {
      access.failed(error);
      return otherwise;
    }
  };
  const uses = openUses((some) => asked((queries) => queries.writeUses(some), undefined));
  const writing = openWriting({ access, onChange: forget });

  const entryOf = (id: TokenId): Entry | undefined =>
    asked((queries) => {
      const known = recent.get(id);
      if (known !== undefined) return known;
      const found = queries.find(id);
      if (found === undefined) return undefined;
      const { lastUse, ...credential } = found;
      const entry: Entry = { credential, use: lastUse, written: lastUse };
      recent.set(id, entry);
      return entry;
    }, undefined);

  return {
    find: (id) => entryOf(id)?.credential,
    ofNode: (hostname: Hostname) => asked((queries) => queries.ofNode(hostname), []),
    noteUse(id, use) {
      const entry = entryOf(id);
      if (entry !== undefined) uses.note(entry, use);
    },
    list: (page) => asked((queries) => queries.list(page), []),
    namesWithoutToken: (page) => asked((queries) => queries.namesWithoutToken(page), []),
    change: writing.change,
    trouble: access.trouble,
    async close() {
      await writing.close();
      uses.flush();
      access.close();
    },
  };
}

/** For a process that only has to know who asks. */
export function openKnownCredentials(stateDir: string): KnownCredentials {
  return openCredentials({ stateDir, isThorough: false });
}
