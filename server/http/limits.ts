import type { IncomingMessage } from 'node:http';
import type { Hostname } from '../../protocol/names.ts';
import { type Rate, takeOne } from '../core/rate.ts';
import { isLoopbackAddress } from '../settings/listen.ts';
import type { LimitSettings, Settings } from '../settings/settings.ts';
import { type Peer, peerOf } from './peer.ts';
import { type FailureReply, failure } from './reply.ts';

/**
 * How often somebody may ask who is on another machine. What is allowed is many times what a fleet needs: it is there for
 * loops gone wild, and for who tries. Each answers why this one is too many, or undefined, and counts it.
 */
export interface Limits {
  /** Every request counts for the address that it comes from. */
  address(request: IncomingMessage): FailureReply | undefined;
  /** One that was refused for what it showed, or that wants to join. Who shows what counts is not held up by others. */
  failure(peer: Peer): FailureReply | undefined;
  /** One of a host about itself. */
  node(peer: Pick<Peer, 'address'>, hostname: Hostname): FailureReply | undefined;
}

export interface LimitsPorts {
  readonly settings: () => { readonly limits: LimitSettings; readonly http: Pick<Settings['http'], 'trustProxy'> };
  /** Milliseconds since some start. */
  readonly monotonic: () => number;
}

export function openLimits({ settings, monotonic }: LimitsPorts): Limits {
  const addresses = openCounts(monotonic);
  const failures = openCounts(monotonic);
  const nodes = openCounts(monotonic);

  return {
    address(request) {
      const { limits, http } = settings();
      const address = countedAs(peerOf(request, http.trustProxy).address);
      if (address === undefined) return undefined;
      const wait = addresses.take(address, limits.addressRequestsPerMinute);
      return wait === 0 ? undefined : tooMany(wait, 'this address', 'limits.address_requests_per_minute');
    },
    failure(peer) {
      const address = countedAs(peer.address);
      if (address === undefined) return undefined;
      const wait = failures.take(address, settings().limits.addressFailuresPerMinute);
      return wait === 0 ? undefined : tooMany(wait, 'this address', 'limits.address_failures_per_minute');
    },
    node(peer, hostname) {
      const address = countedAs(peer.address);
      if (address === undefined) return undefined;
      const { limits } = settings();
      // Where hosts need not show who they are, nobody must be able to use up another one's share.
      const wait = nodes.take(`${hostname} ${address}`, limits.nodeRequestsPerMinute);
      return wait === 0 ? undefined : tooMany(wait, hostname, 'limits.node_requests_per_minute');
    },
  };
}

/**
 * As what an address is counted; undefined where it is not. Who is on this machine could stop the server anyway; and a proxy
 * here that nobody named stands for the whole fleet. Of IPv6 the first half counts, because the other one is everybody's own
 * choice.
 */
export function countedAs(address: string | undefined): string | undefined {
  if (address === undefined || address === '127.0.0.1' || isLoopbackAddress(address)) return undefined;
  if (!address.includes(':')) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  return mapped ?? `${firstHalf(address)}::/64`;
}

/** Of an IPv6 address as a socket tells it: without the zeros that may be left out, perhaps with the name of a link. */
function firstHalf(address: string): string {
  const [before = '', after] = (address.split('%', 1)[0] ?? '').split('::', 2);
  const groups = before === '' ? [] : before.split(':');
  const rest = after === undefined || after === '' ? [] : after.split(':');
  const zeros = after === undefined ? 0 : 8 - groups.length - rest.length;
  return [...groups, ...Array<string>(Math.max(0, zeros)).fill('0'), ...rest].slice(0, 4).join(':');
}

/** So many are told apart at a time; of more those are forgotten that were counted first. */
const MOST_KEYS = 250_000;

function openCounts(monotonic: () => number) {
  const paid = new Map<string, number>();
  const forgetOldest = (): void => {
    const [oldest] = paid.keys();
    if (oldest !== undefined) paid.delete(oldest);
  };
  return {
    /** Seconds to wait, 0 where it is not too many. A limit of 0 is none. */
    take(key: string, perMinute: number): number {
      if (perMinute === 0) return 0;
      const rate: Rate = { perMinute, burst: perMinute };
      const taken = takeOne(paid.get(key) ?? 0, monotonic(), rate);
      if (!taken.ok) return Math.ceil(taken.waitMs / 1000);
      // At the end again: what stands at the beginning was not counted for longest.
      paid.delete(key);
      paid.set(key, taken.paid);
      if (paid.size > MOST_KEYS) forgetOldest();
      return 0;
    },
  };
}

function tooMany(seconds: number, who: string, setting: string): FailureReply {
  return {
    ...failure('rate-limited', `${who} asks too often`, `ask again in ${seconds} s; the limit is ${setting}`),
    headers: { 'Retry-After': String(seconds) },
  };
}
