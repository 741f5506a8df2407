import { randomBytes } from 'node:crypto';
import { chownSync, lstatSync, mkdirSync, renameSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Hostname } from '../../protocol/names.ts';
import { parseJson, type Refusal, readDetails } from '../core/answer.ts';
import type { Failure } from '../core/failure.ts';
import { isPrivateLine } from '../core/private-line.ts';
import { whyRefused } from '../core/refusal.ts';
import { digestOfToken, idOfToken, nodeTokenFrom, SECRET_BYTES } from '../core/token.ts';
import { readBody } from './http.ts';
import { type Identity, overheard, UNKNOWN } from './identity.ts';
import { lockDirectory } from './lock.ts';
import { secondsOf } from './long-poll.ts';
import { publish, syncDirectory } from './publish.ts';
import { ask, type Response, type Servers } from './servers.ts';
import { nextOf, readToken } from './token-file.ts';

export interface Enrolment {
  /** Shown to them is what this says, and nothing else. */
  readonly servers: Servers;
  readonly hostname: Hostname;
  readonly tokenFile: string;
  /** What lets this host in; undefined: nothing has to. */
  readonly joinToken: string | undefined;
  /** Who is to be able to read the token where root makes it; undefined: whoever its directory belongs to. */
  readonly owner?: Owner | undefined;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

export type Enrolled =
  /** `state`: it counts, or somebody has to say yes first. `isNew`: it was not in its place before. */
  | { readonly kind: 'enrolled'; readonly state: 'active' | 'pending'; readonly id: string; readonly isNew: boolean }
  | FailedToEnrol
  | { readonly kind: 'busy'; readonly failure: Failure };

export interface FailedToEnrol {
  readonly kind: 'failed';
  readonly failure: Failure;
  /** So soon it makes sense again. */
  readonly afterMs?: number;
  /** What was shown does not count. */
  readonly isUnknown?: true;
  /** The server has understood, and says no. */
  readonly isRefused?: true;
}

/**
 * Lets a server know the digest of a token that this host has made, and puts the token in its place. The token is on the disk
 * before anybody hears of it, so that whoever is killed anywhere goes on with the same one, and a lost answer is asked for again.
 */
export function enrol(enrolment: Enrolment): Promise<Enrolled> {
  const { tokenFile, servers, hostname, joinToken } = enrolment;
  return alone(enrolment, async () => {
    const found = readToken(tokenFile);
    if (found.kind === 'failed') return found;
    const mine = found.kind === 'token' ? found : nextToken(enrolment);
    if (mine.kind === 'failed') return mine;
    const asked = await hand({ servers, path: `/v1/nodes/${hostname}/enrolment`, shown: joinToken, token: mine.token });
    if (asked.kind !== 'enrolled') return refusedWith(asked, found.kind === 'token' ? tokenFile : nextOf(tokenFile));
    if (found.kind === 'token') return asked;
    putInPlace(tokenFile);
    return { ...asked, isNew: true };
  });
}

/**
 * Replaces the token by a new one, which the server takes as the old one asks for it; both count for a while. What was
 * interrupted is finished: where the old one does not count any more, the new one speaks for itself.
 */
export function rotate(enrolment: Omit<Enrolment, 'joinToken'>): Promise<Enrolled> {
  const { tokenFile, servers, hostname } = enrolment;
  return alone(enrolment, async () => {
    const old = readToken(tokenFile);
    if (old.kind === 'failed') return old;
    if (old.kind === 'missing') return nothingToReplace(tokenFile);
    const next = nextToken(enrolment);
    if (next.kind === 'failed') return next;
    const asking = { servers, path: `/v1/nodes/${hostname}/token`, token: next.token };
    let asked = await hand({ ...asking, shown: old.token });
    if (asked.kind === 'failed' && asked.isUnknown === true) {
      const again = await hand({ ...asking, shown: next.token });
      if (again.kind === 'enrolled') asked = again;
    }
    if (asked.kind !== 'enrolled') return refusedWith(asked, nextOf(tokenFile));
    putInPlace(tokenFile);
    return { ...asked, isNew: true };
  });
}

/** A token that was turned down for good is never taken again: the host has to make another one, which nobody does unasked. */
function refusedWith(failed: Exclude<Enrolled, { kind: 'enrolled' }>, file: string): Enrolled {
  if (failed.kind !== 'failed' || failed.isRefused !== true) return failed;
  const { sentence, hint } = failed.failure;
  const more = `If this very token was turned down or revoked: 'rm ${file}', and the next try makes another.`;
  return { ...failed, failure: { sentence, hint: `${hint}\n  ${more}` } };
}

/** One at a time for a token. The lock is the directory itself, so that nothing is left in one that belongs to somebody else. */
async function alone(
  { tokenFile, servers, owner }: Omit<Enrolment, 'joinToken'>,
  work: () => Promise<Enrolled>,
): Promise<Enrolled> {
  const open = servers.urls.filter((url) => !isPrivateLine(url));
  if (open.length > 0) return { kind: 'failed', failure: overheard(open) };
  const directory = dirname(tokenFile);
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (made !== undefined && owner !== undefined) chownSync(directory, owner.uid, owner.gid);
  const lock = lockDirectory(directory);
  if (lock.kind !== 'taken') return lock;
  try {
    return await work();
  } finally {
    lock.release();
  }
}

type Mine = { readonly kind: 'token'; readonly token: string } | { readonly kind: 'failed'; readonly failure: Failure };

/** The token that waits for its place; a new one where there is none. */
function nextToken({ tokenFile, owner }: Pick<Enrolment, 'tokenFile' | 'owner'>): Mine {
  const path = nextOf(tokenFile);
  const found = readToken(path);
  if (found.kind !== 'missing') return found;
  const token = nodeTokenFrom(randomBytes(SECRET_BYTES));
  const directory = dirname(path);
  publish(path, `${token}\n`, {
    mode: 0o600,
    temporary: join(directory, `.${basename(path)}.tmp`),
    // Whoever the directory belongs to is who polls.
    owner: process.geteuid?.() === 0 ? (owner ?? lstatSync(directory)) : undefined,
  });
  return { kind: 'token', token };
}

/** A poll that found the old one refused may have done it already. */
function putInPlace(tokenFile: string): void {
  try {
    renameSync(nextOf(tokenFile), tokenFile);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  syncDirectory(dirname(tokenFile));
}

interface Handing {
  readonly servers: Servers;
  readonly path: string;
  /** The token that is shown. */
  readonly shown: string | undefined;
  /** The token whose digest is handed in. */
  readonly token: string;
}

const LIMIT_BYTES = 64 * 1024;
const TOTAL_MS = 60_000;

async function hand({ servers, path, shown, token }: Handing): Promise<Enrolled> {
  const identity: Identity = { ...UNKNOWN, tls: servers.identity.tls, token: shown };
  const asking: Servers = { ...servers, identity };
  const found = await ask<Enrolled>(asking, {
    path,
    totalMs: TOTAL_MS,
    post: { tokenSha256: digestOfToken(token) },
    read: async (response) => understand(response, { token, shown }),
    garbled: notUnderstood,
  });
  if (found.kind === 'found') return found.value;
  return failed(`no server answered: ${found.why.join('; ')}`, NOTHING_LOST);
}

const NOTHING_LOST =
  'The token is kept, and the next try goes on with it. Look at the server, the network, and --server.';

async function understand(response: Response, { token, shown }: Pick<Handing, 'token' | 'shown'>): Promise<Enrolled> {
  const { status, headers, body } = response;
  const bytes = (await readBody(body, LIMIT_BYTES)) ?? Buffer.alloc(0);
  const details = readDetails(bytes);
  if (status >= 200 && status <= 202) {
    const said = parseJson(bytes);
    const state: unknown = typeof said === 'object' && said !== null && 'state' in said ? said.state : undefined;
    if (state !== 'active' && state !== 'pending') return notUnderstood('its answer has another shape');
    return { kind: 'enrolled', state, id: idOfToken(token), isNew: false };
  }
  const message = details.message ?? details.title ?? `it answers ${status} without a reason`;
  const afterMs = (secondsOf(headers['retry-after']) ?? 0) * 1000;
  if (status === 429 || status === 423)
    return {
      ...failed(`the server wants to be asked later: ${message}`, NOTHING_LOST),
      ...(afterMs > 0 ? { afterMs } : {}),
    };
  if (status < 400) return notUnderstood(`it answers ${status}; give the server's own URL`);
  if (status === 401) return { ...unknown(shown), isUnknown: true };
  const refusal: Refusal = { kind: 'refused', status, code: details.code, message, hint: details.hint };
  return { kind: 'failed', failure: whyRefused(refusal, UNKNOWN), isRefused: true };
}

/** What was shown does not count. */
function unknown(shown: string | undefined): FailedToEnrol {
  if (shown === undefined)
    return failed(
      'the server lets nobody in who shows nothing',
      'Give the join token of whoever looks after the server: --join-token-file FILE.',
    );
  const what = shown.startsWith('twj_') ? 'join token' : 'token of this host';
  return failed(
    `the server does not take the ${what}, whose id is ${idOfToken(shown)}: it is unknown, has expired, or was revoked`,
    `Ask whoever looks after the server for ${what === 'join token' ? 'another one' : 'a join token; then remove the old token, and enroll again'}.`,
  );
}

function notUnderstood(why: string): FailedToEnrol {
  return failed(`cannot understand the server: ${why}`, 'Is the URL a Tagwave server, and what stands between?');
}

function nothingToReplace(tokenFile: string): Enrolled {
  return failed(
    `there is no token in ${tokenFile} that could be replaced`,
    "'tagwave enroll', without --rotate, gets one.",
  );
}

function failed(sentence: string, hint: string): FailedToEnrol {
  return { kind: 'failed', failure: { sentence, hint } };
}
