import {
  Agent,
  type ClientRequest,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Exchange } from '../http/exchange.ts';
import { starting } from '../http/failures.ts';
import { FILE_HEADER, type FileNotice, readNotice } from '../http/file-notice.ts';
import { sendFailure } from '../http/send.ts';
import { addressOf } from '../http/socket-address.ts';
import type { Line } from './line.ts';
import { hasBody, headersForClient, headersForHead } from './passed-headers.ts';

export interface Passing {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly exchange: Exchange;
}

export interface ForwardPorts {
  readonly line: Line;
  /** Aborts when this door is about to end: whoever waits is told at once what holds. */
  readonly ending: AbortSignal;
  /** How long a question is kept while there is no head to put it to. */
  readonly patienceMs: number;
  /** Sends a file. Answers false where it is not there any more, and nothing was sent because the head may be asked again. */
  sendFile(passing: Passing, notice: FileNotice, mayAskAgain: boolean): Promise<boolean>;
}

const LOOK_AGAIN_MS = 50;

const agent = new Agent({ keepAlive: true, maxFreeSockets: 256 });

/**
 * Puts a question to the head and gives its answer, piece by piece in both directions. While there is no head the question
 * waits; one that the head may have begun to answer is put again only where that cannot change anything.
 */
export async function forward(ports: ForwardPorts, passing: Passing): Promise<void> {
  const { request, response, exchange } = passing;
  const over = new AbortController();
  response.once('close', () => over.abort());
  const deadline = performance.now() + ports.patienceMs;
  let mayAskAgain = true;
  while (!over.signal.aborted) {
    const socket = await ports.line.ready({ deadline, over: over.signal });
    if (socket === undefined) break;
    const outcome = await attempt(ports, passing, socket);
    if (outcome.kind === 'done') return;
    if (outcome.kind === 'file') {
      // What was found a moment ago may have made room for something else: it is asked for once more.
      if (await ports.sendFile(passing, outcome.notice, mayAskAgain)) return;
      mayAskAgain = false;
    }
    if (outcome.kind === 'lost') {
      if (!outcome.mayAskAgain) break;
      await delay(LOOK_AGAIN_MS);
    }
    if (performance.now() > deadline) break;
  }
  if (response.destroyed) return;
  exchange.isLoggedElsewhere = false;
  if (hasBody(request) && !request.complete) response.shouldKeepAlive = false;
  sendFailure(response, NO_HEAD, exchange);
}

const NO_HEAD = starting({
  sentence: 'the part of the server that decides does not answer: it is being started again',
  hint: "ask again in a few seconds; the server's log has the reason",
});

type Outcome =
  /** Answered, as far as that was possible. */
  | { readonly kind: 'done' }
  | { readonly kind: 'file'; readonly notice: FileNotice }
  /** Nothing was answered yet. */
  | { readonly kind: 'lost'; readonly mayAskAgain: boolean }
  /** Somebody waited who now has to be told. */
  | { readonly kind: 'hurry' };

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const WAIT = /([?&]wait=)0*[1-9]\d*/;

function attempt({ line, ending }: ForwardPorts, passing: Passing, socketPath: string): Promise<Outcome> {
  const { request, response, exchange } = passing;
  const url = request.url ?? '/';
  const waits = WAIT.test(url);
  const upstream = httpRequest({
    agent,
    socketPath: addressOf(socketPath),
    method: request.method,
    path: waits && ending.aborted ? url.replace(WAIT, '$10') : url,
    headers: headersForHead(request),
    maxHeaderSize: 64 * 1024,
  });
  const answered = waits ? () => undefined : line.begin();
  // Unless this door says otherwise below.
  exchange.isLoggedElsewhere = true;
  return new Promise((resolve) => {
    const isSent = sendBody(request, upstream);
    const hurry = (): void => finish({ kind: 'hurry' });
    const gone = (): void => finish({ kind: 'done' });
    const finish = (outcome: Outcome): void => {
      answered();
      ending.removeEventListener('abort', hurry);
      response.off('close', gone);
      if (outcome.kind !== 'file') upstream.destroy();
      resolve(outcome);
    };
    upstream.on('error', () => {
      const mayAskAgain = !isSent() || (SAFE.has(request.method ?? '') && !hasBody(request));
      finish({ kind: 'lost', mayAskAgain });
    });
    response.once('close', gone);
    if (waits && !ending.aborted) ending.addEventListener('abort', hurry, { once: true });
    upstream.once('response', (answer) => {
      const notice = answer.headers[FILE_HEADER];
      if (typeof notice === 'string') {
        answer.resume();
        exchange.isLoggedElsewhere = false;
        return finish({ kind: 'file', notice: readNotice(notice) });
      }
      ending.removeEventListener('abort', hurry);
      // The head has the question, and finishes what it has begun before it ends.
      answered();
      void handOver(answer, passing, ending).then(() => finish({ kind: 'done' }));
    });
  });
}

/** The body goes out once there is a connection: before that, the question can still be put to another head. Answers whether anything was sent. */
function sendBody(request: IncomingMessage, upstream: ClientRequest): () => boolean {
  let sent = false;
  const begin = (): void => {
    sent = true;
    if (hasBody(request)) request.pipe(upstream);
  };
  if (!hasBody(request)) upstream.end();
  upstream.once('socket', (socket) => {
    if (socket.connecting) socket.once('connect', begin);
    else begin();
  });
  return () => sent;
}

/** Settles when all of the answer is out, or one of the two connections is gone. */
function handOver(answer: IncomingMessage, { response, exchange }: Passing, ending: AbortSignal): Promise<void> {
  response.writeHead(answer.statusCode ?? 502, answer.statusMessage, headersForClient(answer));
  if (answer.headers['content-length'] === undefined) response.flushHeaders();
  answer.pipe(response);
  return new Promise((resolve) => {
    const end = (): void => {
      // Events that follow for as long as somebody listens: whoever comes back says which was the last.
      if (answer.headers['content-type']?.startsWith('text/event-stream') !== true) return;
      answer.unpipe(response);
      response.end();
    };
    ending.addEventListener('abort', end, { once: true });
    if (ending.aborted) end();
    const cutOff = (): void => {
      if (answer.complete) return;
      // Half an answer: only a cut connection tells the client.
      exchange.isLoggedElsewhere = false;
      response.destroy();
    };
    answer.on('error', cutOff);
    answer.once('close', cutOff);
    response.once('close', () => {
      ending.removeEventListener('abort', end);
      resolve();
    });
  });
}
