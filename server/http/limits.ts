import type { IncomingMessage } from 'node:http';
import type { Hostname } from '../../protocol/names.ts';
import { type Rate, takeOne } from '../core/rate.ts';
import type { LimitSettings, Settings } from '../settings/settings.ts';
import { isLoopbackAddress } from './loopback.ts';
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
      const address = counted(peerOf(request, http.trustProxy).address);
      if (address === undefined) return undefined;
      const wait = addresses.take(address, limits.addressRequestsPerMinute);
      return wait === 0 ? undefined : tooMany(wait, 'this address', 'limits.address_requests_per_minute');
    },
    failure(peer) {
      const address = counted(peer.address);
      if (address === undefined) return undefined;
      const wait = failures.take(address, settings().limits.addressFailuresPerMinute);
      return wait === 0 ? undefined : tooMany(wait, 'this address', 'limits.address_failures_per_minute');
    },
    node(peer, hostname) {
      const address = counted(peer.address);
      if (address === undefined) return undefined;
      const { limits } = settings();
      // Where hosts need not show who they are, nobody must be able to use up another one's share.
      const wait = nodes.take(`${hostname} ${address}`, limits.nodeRequestsPerMinute);
      return wait === 0 ? undefined : tooMany(wait, hostname, 'limits.node_requests_per_minute');
    },
  };
}

/** Who is on this machine could stop the server anyway; and a proxy here that nobody named stands for the whole fleet. */
function counted(address: string | undefined): string | undefined {
  return address === undefined || address === '127.0.0.1' || isLoopbackAddress(address) ? undefined : address;
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
