import type { IncomingHttpHeaders } from 'node:http';
import { isLoopbackHost } from './loopback.ts';
import type { Peer } from './peer.ts';

/** A month: who looks in now and then stays protected, and who gives TLS up again is not locked out for long. */
const SECONDS = 30 * 86_400;

/**
 * What tells a browser to come over TLS only from now on, or nothing: it would then do so on every port of that name, and on
 * this machine other things listen, too.
 */
export function strictTransport(
  { isEncrypted, isProxied, isAdminSocket }: Peer,
  { host }: IncomingHttpHeaders,
): Readonly<Record<string, string>> {
  // Behind a proxy it is the proxy's to say.
  if (!isEncrypted || isProxied || isAdminSocket || host === undefined || isLoopbackHost(host)) return {};
  return { 'Strict-Transport-Security': `max-age=${SECONDS}` };
}
