import type { IncomingMessage } from 'node:http';
import type { Actor } from '../operations/context.ts';
import { plainAddress } from './loopback.ts';

/** Who is recorded for what a request changes. */
export function actorOf({ socket }: IncomingMessage): Actor {
  return `HTTP from ${plainAddress(socket.remoteAddress)}`;
}
