import type { Duplex } from 'node:stream';
import { STATUS_OF } from '../../protocol/errors.ts';
import { type FailureReply, failure } from './reply.ts';

const BROKEN: Readonly<Record<string, FailureReply>> = {
  ERR_HTTP_REQUEST_TIMEOUT: failure('request-timeout', 'the request did not arrive in time', 'send it at once'),
  HPE_HEADER_OVERFLOW: failure('headers-too-large', 'the headers are too large', 'send less'),
  HPE_CHUNK_EXTENSIONS_OVERFLOW: failure('body-too-large', 'the extensions of a chunk are too large', 'send none'),
};
const NO_HTTP = failure('bad-request', 'the request is not HTTP/1.1', 'check what is sent to this port');

/** What is sent without TLS to where TLS is spoken. */
export const PLAIN_HTTP = failure(
  'bad-request',
  'this port speaks HTTPS only',
  'ask with https:// in place of http://',
);

const PHRASES: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  408: 'Request Timeout',
  413: 'Content Too Large',
  431: 'Request Header Fields Too Large',
};

/** Answers what could not even be parsed, and closes the connection. `isAnswering`: half of another answer is out on it. */
export function answerBrokenRequest(error: Error, socket: Duplex, isAnswering: boolean): void {
  if (!socket.writable || isAnswering || ('code' in error && error.code === 'ECONNRESET')) {
    socket.destroy();
    return;
  }
  socket.end(brokenRequestText(BROKEN['code' in error ? String(error.code) : ''] ?? NO_HTTP));
}

/** A whole answer that closes the connection. */
export function brokenRequestText({ code, title, hint }: FailureReply): string {
  const status = STATUS_OF[code];
  const body = `${JSON.stringify({ type: 'about:blank', title, status, code, hint })}\n`;
  const head = [
    `HTTP/1.1 ${status} ${PHRASES[status] ?? 'Error'}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
