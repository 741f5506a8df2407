import { renameSync } from 'node:fs';
import { dirname } from 'node:path';
import { syncDirectory } from './publish.ts';
import { nextOf, readToken } from './token-file.ts';

/** A token of this host other than the one that was refused: one that has taken its place meanwhile, or was about to. */
export function otherToken(tokenFile: string, refused: string): string | undefined {
  for (const path of [tokenFile, nextOf(tokenFile)]) {
    const found = readToken(path);
    if (found.kind === 'token' && found.token !== refused) return found.token;
  }
  return undefined;
}

/** A token that counts takes its place where it only waited for that. Where this user may not do that, the next one does. */
export function promoteToken(tokenFile: string, token: string): void {
  const next = nextOf(tokenFile);
  const found = readToken(next);
  if (found.kind !== 'token' || found.token !== token) return;
  try {
    renameSync(next, tokenFile);
    syncDirectory(dirname(tokenFile));
  } catch {}
}
