import type { IncomingHttpHeaders } from 'node:http';
import { cookieIn } from './cookies.ts';

/** Holds the token of a session. */
export const SESSION_COOKIE = 'tagwave';
const SESSION = /^tws_[A-Za-z0-9_-]{43}$/;

/**
 * The token of a session, where a browser sends one. Over TLS only the cookie that nobody else can have put there counts;
 * on other ways both are looked at, so that who shows one there is told.
 */
export function sessionTokenIn(headers: IncomingHttpHeaders, isEncrypted: boolean): string | undefined {
  if (headers.cookie === undefined) return undefined;
  const secure = cookieIn(headers, SESSION_COOKIE, true);
  const found = isEncrypted ? secure : (secure ?? cookieIn(headers, SESSION_COOKIE, false));
  return found !== undefined && SESSION.test(found) ? found : undefined;
}
