import { utimesSync } from 'node:fs';
import { rotate } from '../adapters/enrol.ts';
import { nextOf, readToken } from '../adapters/token-file.ts';
import { Refused } from '../core/failure.ts';
import { isWithinDay } from '../core/telling.ts';
import type { Run } from './converge.ts';

/** Replaces a token that has become old. Where that does not succeed, it is told, and tried again a day later. */
export async function replaceToken(run: Run, now: Date): Promise<void> {
  const { servers, hostname, terminal } = run;
  const { tokenFile } = servers.identity;
  if (tokenFile === undefined) return;
  const next = nextOf(tokenFile);
  const waiting = readToken(next);
  if (waiting.kind === 'token') {
    if (isWithinDay(new Date(waiting.madeAtMs).toISOString(), now.getTime())) return;
    utimesSync(next, now, now);
  }
  const replaced = await rotate({ servers, hostname, tokenFile });
  if (replaced.kind === 'failed')
    throw new Refused({ ...replaced.failure, sentence: `the token is not replaced: ${replaced.failure.sentence}` });
  if (replaced.kind === 'enrolled') terminal.detail(`${hostname}: has a new token, whose id is ${replaced.id}`);
}
