import type { IncomingHttpHeaders } from 'node:http';

export interface Cookie {
  /** Without prefix. */
  readonly name: string;
  readonly value: string;
  /** 0 takes it away. */
  readonly maxAgeSeconds: number;
  /** It goes over TLS only, and no other host of the domain can have set it. */
  readonly isSecure: boolean;
}

/** `Set-Cookie`: for this server alone, out of reach of scripts, and not sent along with what other sites post. */
export function setCookie({ name, value, maxAgeSeconds, isSecure }: Cookie): string {
  const secure = isSecure ? '; Secure' : '';
  return `${cookieName(name, isSecure)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`;
}

/** The value of a cookie; undefined also where it comes more than once, which no browser of ours does. */
export function cookieIn({ cookie = '' }: IncomingHttpHeaders, name: string, isSecure: boolean): string | undefined {
  const start = `${cookieName(name, isSecure)}=`;
  const [found, ...more] = cookie.split(';').flatMap((pair) => {
    const trimmed = pair.trim();
    return trimmed.startsWith(start) ? [trimmed.slice(start.length)] : [];
  });
  return more.length === 0 ? found : undefined;
}

/** Browsers take a cookie with the prefix from the host itself only, over TLS; over plain HTTP not at all. */
function cookieName(name: string, isSecure: boolean): string {
  return isSecure ? `__Host-${name}` : name;
}
