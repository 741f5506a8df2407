import type { IncomingMessage } from 'node:http';
import { DOOR_HEADERS, NO_LENGTH_HEADER, wordOfDoor } from '../http/peer.ts';

/**
 * What counts between two ends of one connection only. Nothing more, whatever `Connection` names: a request must not be able
 * to have the head not see by what ways it came.
 */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Methods that have no body unless it is said that they have. */
const WITHOUT_BODY = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE', 'CONNECT']);

/**
 * The headers of a question as the head gets them, names and values in turn: as they came, with the peer's address in place
 * of anything that only a door may say. `Expect` was met by the door.
 */
export function headersForHead(request: IncomingMessage): string[] {
  const kept = [...passed(request)].filter(([name]) => {
    const key = name.toLowerCase();
    return key !== 'expect' && !key.startsWith(DOOR_HEADERS);
  });
  return [...kept.flat(), ...framing(request), ...wordOfDoor(request)];
}

/** Node takes a POST that says nothing of a body for one of unknown length. */
function framing({ method, headers }: IncomingMessage): string[] {
  if (headers['transfer-encoding'] !== undefined) return ['Transfer-Encoding', 'chunked'];
  if (headers['content-length'] !== undefined || WITHOUT_BODY.has(method ?? '')) return [];
  return ['Content-Length', '0', NO_LENGTH_HEADER, '1'];
}

/** The headers of an answer as the client gets them. The door says itself what time it is. */
export function headersForClient(answer: IncomingMessage): string[] {
  return [...passed(answer)].filter(([name]) => name.toLowerCase() !== 'date').flat();
}

/** Whether more follows than the headers. */
export function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';
}

function* passed({ rawHeaders }: IncomingMessage): Generator<[string, string]> {
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const [name = '', value = ''] = [rawHeaders[index], rawHeaders[index + 1]];
    if (!HOP_BY_HOP.has(name.toLowerCase())) yield [name, value];
  }
}
