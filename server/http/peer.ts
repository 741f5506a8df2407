import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Hostname } from '../../protocol/names.ts';
import { namesOfCertificate } from './client-certificate.ts';
import { throughProxies } from './forwarded.ts';

/** From where a request came, as far as that can be believed. */
export interface Peer {
  /** Of who asks; undefined where the connection is gone. */
  readonly address: string | undefined;
  /** Nobody on the way to us, or to a trusted proxy, could read along. */
  readonly isEncrypted: boolean;
  /** A trusted proxy stands in between: who asks is not on this machine, wherever the proxy is. */
  readonly isProxied: boolean;
  /** The host names of a client certificate that counts. */
  readonly certifiedNames: readonly Hostname[];
  /** It came on the admin socket, which only those can open who may do everything. */
  readonly isAdminSocket: boolean;
}

/** What the connection itself shows. */
export type Seen = Pick<Peer, 'address' | 'isEncrypted' | 'certifiedNames'>;

/** In which a door says to the head what it saw. They count on the head's own socket alone. */
const HEADER = {
  address: 'tagwave-door-peer',
  encrypted: 'tagwave-door-encrypted',
  names: 'tagwave-door-names',
} as const;

/** In which a door says that the question said nothing of a body: the length that it has now is the door's. */
export const NO_LENGTH_HEADER = 'tagwave-door-no-length';

/** What doors and the head say to each other in headers begins so; from anybody else it is not passed on. */
export const DOOR_HEADERS = 'tagwave-door-';

const seenByDoors = new WeakMap<IncomingMessage, Seen>();
const adminSockets = new WeakSet<Socket>();

/** From now on what comes on this connection came on the admin socket. */
export function believeAdminSocket(socket: Socket): void {
  adminSockets.add(socket);
}

/** Believes what the door says, and leaves the request as the door got it. Only for requests that came through a door. */
export function believeDoor(request: IncomingMessage): void {
  const { headers } = request;
  const { [HEADER.address]: address, [HEADER.encrypted]: encrypted, [HEADER.names]: names } = headers;
  const hasNoLength = headers[NO_LENGTH_HEADER] !== undefined;
  for (const name of Object.keys(headers)) if (name.startsWith(DOOR_HEADERS)) delete headers[name];
  if (hasNoLength) delete headers['content-length'];
  seenByDoors.set(request, {
    address: typeof address === 'string' && address !== '' ? address : undefined,
    isEncrypted: encrypted === '1',
    certifiedNames: typeof names === 'string' ? (names.split(',') as Hostname[]) : [],
  });
}

/** What a door says of a request to the head, names and values in turn. */
export function wordOfDoor(request: IncomingMessage): string[] {
  const { address = '', isEncrypted, certifiedNames } = seenOf(request);
  return [
    ...[HEADER.address, address],
    ...(isEncrypted ? [HEADER.encrypted, '1'] : []),
    ...(certifiedNames.length === 0 ? [] : [HEADER.names, certifiedNames.join(',')]),
  ];
}

/** From where a request came. `trustProxy`: addresses and ranges of those who are believed about others. */
export function peerOf(request: IncomingMessage, trustProxy: readonly string[]): Peer {
  const seen = seenOf(request);
  if (adminSockets.has(request.socket))
    return { address: undefined, isEncrypted: true, isProxied: false, certifiedNames: [], isAdminSocket: true };
  // Each by its name, as it is asked for every poll: a spread would take longer than looking.
  const { address, isEncrypted, isProxied, certifiedNames } = throughProxies(seen, request.headers, trustProxy);
  return { address, isEncrypted, isProxied, certifiedNames, isAdminSocket: false };
}

function seenOf(request: IncomingMessage): Seen {
  const said = seenByDoors.get(request);
  if (said !== undefined) return said;
  const { socket } = request;
  if (!(socket instanceof TLSSocket)) return { address: socket.remoteAddress, isEncrypted: false, certifiedNames: [] };
  return { address: socket.remoteAddress, isEncrypted: true, certifiedNames: namesOfCertificate(socket) };
}
