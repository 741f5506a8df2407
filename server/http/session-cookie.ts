import type { IncomingHttpHeaders } from 'node:http';

/** The cookie that holds the token of a session; the second name over plain HTTP, where browsers refuse the first. */
export const SESSION_COOKIES = { encrypted: '__Host-tagwave', plain: 'tagwave' } as const;

const SESSION = /(?:^|;\s*)(?:__Host-tagwave|tagwave)=(tws_[A-Za-z0-9_-]{43})\s*(?:;|$)/;

/** The token of a session, where a browser sends one. */
export function sessionTokenIn({ cookie }: IncomingHttpHeaders): string | undefined {
  return cookie === undefined ? undefined : SESSION.exec(cookie)?.[1];
}
