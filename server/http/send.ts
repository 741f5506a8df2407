import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Response } from 'express';
import type { ProblemDetails } from '../../protocol/errors.ts';
import type { Hostname } from '../../protocol/names.ts';
import { plainJson } from '../core/plain-json.ts';
import type { Exchange } from './exchange.ts';
import { sendNotice } from './file-notice.ts';
import { spoken, unchangedHeaders } from './node-words.ts';
import { endSoon } from './outbox.ts';
import {
  COMMON_HEADERS,
  type FailureReply,
  type FileReply,
  type Headers,
  type PreparedReply,
  type Reply,
  type StreamReply,
  statusOf,
  type ToldReply,
} from './reply.ts';

const REQUEST_ID = 'X-Request-Id';

/** Writes an answer. Rejects where a file cannot be sent and nothing has been written yet. */
export async function send(response: Response, reply: Reply, exchange: Exchange): Promise<void> {
  switch (reply.kind) {
    case 'json': {
      const { status, body, headers = {}, isFrequent = false } = reply;
      exchange.quiet = isFrequent;
      const text = `${plainJson(body)}\n`;
      return sendText(response, exchange, { status, type: 'application/json; charset=utf-8', text, headers });
    }
    case 'prepared':
      return sendPrepared(response, reply, exchange);
    case 'told':
      return sendTold(response, reply, exchange);
    case 'file':
      return exchange.isBehindDoor ? sendNotice(response, reply, exchange) : sendFound(response, reply, exchange);
    case 'failure':
      return sendFailure(response, reply, exchange);
    case 'stream':
      return sendStream(response, reply, exchange);
    default:
      return reply satisfies never;
  }
}

/** Does without what Express adds to a response. */
function sendPrepared(response: ServerResponse, reply: PreparedReply, exchange: Exchange): void {
  begin(response, reply, exchange);
  if (reply.body === null) response.end();
  else response.end(reply.body);
}

/** Does without what Express adds to a response. */
export function sendTold(response: ServerResponse, reply: ToldReply, exchange: Exchange): void {
  const { words, hostname, isKnown, isNews } = reply;
  if (isKnown && words.unchanged !== null) sendUnchanged(response, words.unchanged, hostname);
  else {
    const prepared = spoken(words, hostname, exchange.id);
    begin(response, prepared, exchange);
    endSoon(response, prepared.body);
  }
  exchange.quiet = !isNews;
}

function begin(response: ServerResponse, { status, headers }: PreparedReply, exchange: Exchange): void {
  exchange.quiet = status === 304;
  response.writeHead(status, [...headers, REQUEST_ID, exchange.id]);
}

/** That a host has all that it should have. No number is given to the request: there is nothing in the log. */
export function sendUnchanged(response: ServerResponse, unchanged: readonly string[], hostname: Hostname): void {
  response.writeHead(304, unchangedHeaders(unchanged, hostname));
  endSoon(response, null);
}

/** RFC 9457. Does without what Express adds to a response. */
export function sendFailure(response: ServerResponse, reply: FailureReply, exchange: Exchange): void {
  const { headers = {}, page } = reply;
  const status = statusOf(reply);
  const type = page === undefined ? 'application/problem+json' : 'text/html; charset=utf-8';
  const text = page ?? `${plainJson(problemOf(reply, exchange))}\n`;
  sendText(response, exchange, { status, type, text, headers });
}

function problemOf(reply: FailureReply, { id }: Exchange): ProblemDetails {
  const { code, title, hint, hold, message, reasons } = reply;
  return {
    type: 'about:blank',
    title,
    status: statusOf(reply),
    code,
    ...(hint === undefined ? {} : { hint }),
    instance: id,
    ...(hold === undefined ? {} : { hold }),
    ...(message === undefined ? {} : { message }),
    ...(reasons === undefined ? {} : { reasons }),
  };
}

interface Text {
  readonly status: number;
  readonly type: string;
  readonly text: string;
  readonly headers: Headers;
}

function sendText(response: ServerResponse, { id }: Exchange, { status, type, text, headers }: Text): void {
  const body = Buffer.from(text);
  response.writeHead(status, {
    ...COMMON_HEADERS,
    ...headers,
    'Content-Type': type,
    'Content-Length': body.length,
    [REQUEST_ID]: id,
  });
  response.end(body);
}

/** Once more where the file was removed since it was found. */
async function sendFound(response: Response, reply: FileReply, exchange: Exchange): Promise<void> {
  try {
    await sendFile(response, reply, exchange);
  } catch (error) {
    if (reply.again === undefined || !isMissing(error)) throw error;
    await send(response, await reply.again(), exchange);
  }
}

/** By Express's own machinery: conditions, ranges, HEAD, and never more of the file in memory than a piece. */
function sendFile(response: Response, { file, headers }: FileReply, { id }: Exchange): Promise<void> {
  const all = { ...COMMON_HEADERS, ...headers, [REQUEST_ID]: id };
  for (const [name, value] of Object.entries(all)) response.setHeader(name, value);
  const options = { acceptRanges: true, cacheControl: false, lastModified: false, dotfiles: 'allow' } as const;
  return new Promise((resolve, reject) => {
    response.sendFile(file.path, options, (error?: Error) => {
      if (error === undefined || isGone(error)) return resolve();
      if (response.headersSent) {
        // Half a file was sent: only a cut connection tells the client.
        response.destroy();
        return resolve();
      }
      for (const name of response.getHeaderNames()) response.removeHeader(name);
      reject(error);
    });
  });
}

async function sendStream(response: Response, { headers, pieces }: StreamReply, { id }: Exchange): Promise<void> {
  response.writeHead(200, { ...COMMON_HEADERS, ...headers, [REQUEST_ID]: id });
  if (response.req.method === 'HEAD') {
    response.end();
    return;
  }
  response.flushHeaders();
  try {
    await pipeline(Readable.from(pieces), response);
  } catch (error) {
    // A client that goes away has seen enough; any other failure shows it by the cut connection that this is not all.
    if (!response.destroyed || !isPremature(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function isPremature(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE';
}

function isGone(error: Error): boolean {
  return 'code' in error && (error.code === 'ECONNABORTED' || error.code === 'EPIPE' || error.code === 'ECONNRESET');
}
