import { createHash } from 'node:crypto';
import type { Hostname } from '../../protocol/names.ts';

/**
 * How many milliseconds a host waits before it asks: the same on every run, so that a host keeps its rhythm, and spread
 * evenly over the fleet, so that a thousand crontabs with the same minute are no stampede.
 */
export function splayMs(hostname: Hostname, seconds: number): number {
  const share = createHash('sha256').update(`splay\n${hostname}`).digest().readUInt32BE(0) / 2 ** 32;
  return Math.floor(share * seconds * 1000);
}
