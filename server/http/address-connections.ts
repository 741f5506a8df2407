import type { Server, Socket } from 'node:net';
import type { Log } from '../ports/common.ts';
import type { HttpSettings } from '../settings/settings.ts';
import { addressRanges } from './forwarded.ts';
import { countedAs } from './limits.ts';

/**
 * Closes connections of an address that has as many as it may, before anything is done for them, so that one machine leaves
 * room for the others. This machine, and proxies that are believed, have as many as they like: they stand for others.
 * To be called when everybody has been told who is to hear of connections.
 */
export function limitConnectionsPerAddress(
  server: Server,
  { http, log }: { readonly http: HttpSettings; readonly log: Log },
): void {
  const most = http.connectionsPerAddress;
  if (most === 0) return;
  const isProxy = addressRanges(http.trustProxy);
  const open = new Map<string, number>();
  const warn = seldom();

  const leave = (key: string): void => {
    const left = (open.get(key) ?? 1) - 1;
    if (left === 0) open.delete(key);
    else open.set(key, left);
  };

  /** Whether it may stay. */
  const take = (socket: Socket): boolean => {
    const address = socket.remoteAddress;
    const key = countedAs(address);
    if (address === undefined || key === undefined || isProxy(address)) return true;
    const present = open.get(key) ?? 0;
    if (present >= most) {
      warn(() =>
        log.warn('connections are refused: one address has too many', {
          address: key,
          limit: most,
          setting: 'http.connections_per_address',
        }),
      );
      return false;
    }
    open.set(key, present + 1);
    socket.once('close', () => leave(key));
    return true;
  };

  const accept = server.listeners('connection');
  server.removeAllListeners('connection');
  server.on('connection', (socket: Socket) => {
    if (take(socket)) for (const each of accept) each.call(server, socket);
    else socket.destroy();
  });
}

const SELDOM_MS = 60_000;

/** Says something at most once a minute: whoever causes it must not fill the log. */
export function seldom(): (say: () => void) => void {
  let saidAt = Number.NEGATIVE_INFINITY;
  return (say) => {
    const now = performance.now();
    if (now - saidAt < SELDOM_MS) return;
    saidAt = now;
    say();
  };
}
