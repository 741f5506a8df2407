import type { IncomingMessage } from 'node:http';

/** In which a door says to the head where a request comes from. It counts on the head's own socket alone. */
export const PEER_HEADER = 'tagwave-door-peer';

/** In which a door says that the question said nothing of a body: the length that it has now is the door's. */
export const NO_LENGTH_HEADER = 'tagwave-door-no-length';

/** What doors and the head say to each other in headers begins so; from anybody else it is not passed on. */
export const DOOR_HEADERS = 'tagwave-door-';

const peers = new WeakMap<IncomingMessage, string>();

/** Believes what the door says, and leaves the request as the door got it. Only for requests that came through a door. */
export function believeDoor(request: IncomingMessage): void {
  const { headers } = request;
  const said = headers[PEER_HEADER];
  delete headers[PEER_HEADER];
  if (typeof said === 'string') peers.set(request, said);
  if (headers[NO_LENGTH_HEADER] === undefined) return;
  delete headers[NO_LENGTH_HEADER];
  delete headers['content-length'];
}

/** The address of who asks; undefined where the connection is gone. */
export function peerOf(request: IncomingMessage): string | undefined {
  return peers.get(request) ?? request.socket.remoteAddress;
}
