import type { IncomingHttpHeaders } from 'node:http';
import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';
import type { Peer, Seen } from './peer.ts';

/** Where a request came from before it reached the proxies that are believed. Of anybody else the headers say nothing. */
export function throughProxies(
  seen: Seen,
  headers: IncomingHttpHeaders,
  trustProxy: readonly string[],
): Omit<Peer, 'isAdminSocket'> {
  const { address, isEncrypted, certifiedNames } = seen;
  if (trustProxy.length === 0 || address === undefined || !trusts(trustProxy)(address, 0))
    return { address, isEncrypted, certifiedNames, isProxied: false };
  return {
    address: farthest({ headers, address, trust: trusts(trustProxy) }),
    isEncrypted: protocolOf(headers) === 'https',
    isProxied: true,
    // It is the proxy's own.
    certifiedNames: [],
  };
}

/** From us outwards, the first that is not believed about the one before. What is no address was written by nobody who is believed. */
function farthest(way: {
  readonly headers: IncomingHttpHeaders;
  readonly address: string;
  readonly trust: Trust;
}): string {
  const { headers, address, trust } = way;
  const said = headers['x-forwarded-for'];
  const plain = typeof said === 'string' ? { 'x-forwarded-for': said.split(',').map(withoutPort).join(',') } : {};
  const asked = { headers: plain, socket: { remoteAddress: address } };
  const hops = proxyAddr.all(asked as Parameters<typeof proxyAddr.all>[0], trust);
  return hops.findLast((hop) => isIP(hop) !== 0) ?? address;
}

/** Some gateways write `192.0.2.1:4711` and `[2001:db8::1]:4711`. */
function withoutPort(hop: string): string {
  const [, six, four] = /^\s*(?:\[([^\]]*)\](?::\d{1,5})?|(\d+\.\d+\.\d+\.\d+):\d{1,5})\s*$/.exec(hop) ?? [];
  return six ?? four ?? hop;
}

/** As the nearest proxy says, which writes at the end. */
function protocolOf(headers: IncomingHttpHeaders): string | undefined {
  const said = headers['x-forwarded-proto'];
  return typeof said === 'string' ? said.split(',').at(-1)?.trim().toLowerCase() : undefined;
}

/** Whether an address is one of these, or in one of these ranges. */
export function addressRanges(ranges: readonly string[]): (address: string) => boolean {
  return (address) => ranges.length > 0 && trusts(ranges)(address, 0);
}

type Trust = (address: string, index: number) => boolean;
const compiled = new WeakMap<readonly string[], Trust>();

function trusts(trustProxy: readonly string[]): Trust {
  const known = compiled.get(trustProxy) ?? proxyAddr.compile([...trustProxy]);
  compiled.set(trustProxy, known);
  return known;
}
