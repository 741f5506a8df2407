import type { IncomingHttpHeaders } from 'node:http';
import { isLoopback, isLoopbackAddress } from '../settings/listen.ts';

/** What tells where a request comes from. */
export interface Origins {
  /** Of the peer; undefined where the connection is gone. */
  readonly address: string | undefined;
  /** A proxy that is believed stands in between. */
  readonly isProxied?: boolean;
  readonly headers: IncomingHttpHeaders;
}

/**
 * Why a request cannot be taken to come from this machine, or null. Somebody who only reached us through another machine, a
 * proxy, or a name that another machine's page was loaded from (a rebound name) is not here.
 */
export function whyNotLocal({ address, isProxied = false, headers }: Origins): string | null {
  if (isProxied) return 'it came through a proxy';
  if (address === undefined || !isLoopbackAddress(address)) return `it came from ${address ?? 'nowhere'}`;
  if (headers.host === undefined || !isLoopbackHost(headers.host)) return 'its Host header is not a loopback name';
  const forwarded = forwardingHeader(headers);
  return forwarded === undefined ? null : `its ${forwarded} header says that it was forwarded`;
}

/** The name of a header that says that a request did not come directly; undefined where none does. */
export function forwardingHeader(headers: IncomingHttpHeaders): string | undefined {
  return Object.keys(headers).find(isForwarding);
}

/** Whether a page of another place sent the request: browsers name it. Absent from programs such as curl. */
export function isForeignOrigin({ origin, host }: IncomingHttpHeaders): boolean {
  if (origin === undefined) return false;
  return origin.toLowerCase().replace(/^https?:\/\//, '') !== host?.toLowerCase();
}

/** `127.0.0.1` for `::ffff:127.0.0.1`, which is how a socket for both families names it. */
export function plainAddress(address: string | undefined): string {
  return address?.replace(/^::ffff:(?=\d+\.)/i, '') ?? 'an unknown address';
}

/** `localhost`, `127.0.0.1:8420`, `[::1]:8420`. */
export function isLoopbackHost(host: string): boolean {
  const [, bracketed, plain] = /^(?:\[([^\]]*)\]|([^:]*))(?::\d{0,5})?$/.exec(host) ?? [];
  return isLoopback(bracketed ?? plain ?? '');
}

function isForwarding(name: string): boolean {
  return name === 'forwarded' || name === 'via' || name.startsWith('x-forwarded-');
}
