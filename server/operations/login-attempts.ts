import { createHmac, timingSafeEqual } from 'node:crypto';
import type { LoginSecrets } from '../ports/people.ts';

/** One attempt to log in. It is kept in a cookie of the browser that began it, and nowhere else. */
export interface LoginAttempt {
  readonly cookie: string;
  readonly secrets: Omit<LoginSecrets, 'redirectUri'>;
  /** The path to go to when it succeeds. */
  readonly to: string;
}

/** `unknown`: this browser has not begun it, or not with this server since it started. */
export type TakenAttempt = LoginAttempt | 'unknown' | 'expired' | 'used';

export interface LoginAttempts {
  begin(issuer: string, to: string): LoginAttempt;
  /** What a browser comes back with, once. */
  take(
    issuer: string,
    shown: { readonly cookie: string | undefined; readonly state: string | undefined },
  ): TakenAttempt;
}

export interface LoginAttemptsPorts {
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly random: (bytes: number) => Uint8Array;
}

/** As long as typing a password and looking for a phone may take. */
export const ATTEMPT_MS = 10 * 60_000;
/** Beyond that it is left to the provider alone that nothing is used twice. */
const MOST_USED = 10_000;

/**
 * Everything about an attempt follows from its cookie and a key that only this process has: however many are begun, nothing
 * grows, and a cookie that somebody changed or made up leads to another state than the one that came back.
 */
export function openLoginAttempts({ now, random }: LoginAttemptsPorts): LoginAttempts {
  const key = random(32);
  const used = new Map<string, number>();

  const follows = (what: string, issuer: string, cookie: string): string =>
    createHmac('sha256', key)
      .update(JSON.stringify([what, issuer, cookie]))
      .digest('base64url');

  const attempt = (issuer: string, cookie: string, to: string): LoginAttempt => ({
    cookie,
    to,
    secrets: {
      state: follows('state', issuer, cookie),
      nonce: follows('nonce', issuer, cookie),
      verifier: follows('verifier', issuer, cookie),
    },
  });

  const forgetOld = (at: number): void => {
    for (const [state, until] of used) {
      if (until > at && used.size < MOST_USED) return;
      used.delete(state);
    }
  };

  return {
    begin(issuer, to) {
      const parts = [
        Buffer.from(random(16)).toString('base64url'),
        now() + ATTEMPT_MS,
        Buffer.from(to).toString('base64url'),
      ];
      return attempt(issuer, parts.join('.'), to);
    },
    take(issuer, { cookie, state }) {
      const [, until, to] = /^[\w-]{22}\.(\d{1,15})\.([\w-]+)$/.exec(cookie ?? '') ?? [];
      if (cookie === undefined || state === undefined || to === undefined) return 'unknown';
      const found = attempt(issuer, cookie, Buffer.from(to, 'base64url').toString());
      if (!isSame(state, found.secrets.state)) return 'unknown';
      const at = now();
      if (Number(until) <= at) return 'expired';
      if (used.has(state)) return 'used';
      forgetOld(at);
      used.set(state, Number(until));
      return found;
    },
  };
}

function isSame(shown: string, expected: string): boolean {
  const [one, other] = [Buffer.from(shown), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}
