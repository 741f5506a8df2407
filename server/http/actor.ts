import type { IncomingMessage } from 'node:http';
import type { Actor } from '../operations/context.ts';
import { plainAddress } from './loopback.ts';
import { peerOf } from './peer.ts';

/** Who is recorded for what a request changes. */
export function actorOf(request: IncomingMessage): Actor {
  return { by: 'HTTP', from: plainAddress(peerOf(request)) };
}
