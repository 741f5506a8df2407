import type { Actor } from '../operations/context.ts';
import { plainAddress } from './loopback.ts';
import type { Call } from './route.ts';

/** Who is recorded for what a request changes. */
export function actorOf({ caller, peer }: Pick<Call, 'caller' | 'peer'>): Actor {
  const from = peer.isAdminSocket ? 'admin socket' : plainAddress(peer.address);
  if (caller.kind === 'person') return { by: caller.name, from };
  if (caller.kind === 'node') return { by: caller.hostnames[0] ?? 'node', from };
  return { by: 'HTTP', from };
}
