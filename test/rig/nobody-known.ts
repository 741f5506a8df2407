import type { KnownCredentials } from '../../server/ports/credentials.ts';

/** For what has nothing to do with tokens. */
export const NOBODY_KNOWN: KnownCredentials = {
  find: () => undefined,
  ofNode: () => [],
  noteUse: () => undefined,
  trouble: () => null,
  close: async () => undefined,
};
