import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { type Hostname, parseHostname } from '../../protocol/names.ts';
import type { Context } from '../operations/context.ts';
import { fetchSource } from '../operations/fetch.ts';
import type { Attempt } from '../ports.ts';
import type { ListenAddress, Settings } from '../settings/settings.ts';
import { createApp } from './app.ts';
import { answerBrokenRequest } from './broken-request.ts';
import { type Door, liveSettings } from './door.ts';
import { answerTo } from './errors.ts';
import { type Exchange, type Exchanges, openExchanges } from './exchange.ts';
import { failure } from './reply.ts';
import { answerPlainPoll, nodeRoute } from './routes/node.ts';
import { ROUTES } from './routes.ts';
import { sendFailure, sendPrepared } from './send.ts';
import { soon } from './soon.ts';

export interface HttpServer {
  /** Answers the URL, or why nothing can be heard there. */
  listen(address: ListenAddress): Promise<Attempt<string>>;
  /**
   * Hears nobody new, answers at once who waits, lets every request that has begun finish for so many seconds, then cuts off
   * the rest. Settles when all connections are closed.
   */
  close(graceSeconds: number): Promise<void>;
}

export interface HttpServerOptions {
  readonly context: Context;
  /** As they stood at the start: limits are set once. */
  readonly settings: Settings;
}

/** The first door: hosts, and whoever looks after them, over HTTP. */
export function createHttpServer({ context, settings }: HttpServerOptions): HttpServer {
  const stop = new AbortController();
  // Everybody who waits listens.
  setMaxListeners(0, stop.signal);
  const fetching = soon(
    () => fetchSource(context),
    (error) => context.log.error('a fetch that was asked for failed', { error }),
  );
  const door: Door = {
    context,
    settings: liveSettings(context, settings),
    stopping: stop.signal,
    fetchSoon: fetching.ask,
  };
  const exchanges = openExchanges({
    log: context.log,
    prefix: randomBytes(4).toString('hex'),
    onEnd: () => dropIdle(server, stop.signal),
  });
  const server = createServer(timeouts(settings), listener(door, exchanges));
  server.maxConnections = settings.http.maxConnections;
  server.timeout = STALLED_MS;
  server.on('clientError', (error, socket) => answerBrokenRequest(error, socket, isAnswering(exchanges, socket)));
  warnWhenFull(server, door);
  const sockets = trackSockets(server);

  return {
    listen: (address) => listen(server, address),
    async close(graceSeconds) {
      await readWhatHasArrived();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stop.abort();
      const busy = new Set([...exchanges.open()].map((response) => response.socket));
      for (const response of exchanges.open()) if (!response.headersSent) response.shouldKeepAlive = false;
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
      const cutOff = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
      await closed;
      clearTimeout(cutOff);
      await fetching.idle();
    },
  };
}

/** Nobody who asked in time is turned away: connections are accepted in one turn of the event loop and read in the next. */
async function readWhatHasArrived(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await setImmediate();
}

/** A host that asks as hosts do, without Express in between: nearly every request is one of these. */
const PLAIN_POLL = /^\/v1\/nodes\/([A-Za-z0-9.-]+)$/;

function listener(door: Door, exchanges: Exchanges): (request: IncomingMessage, response: ServerResponse) => void {
  const app = createApp(door, exchanges, ROUTES);
  return (request, response) => {
    const exchange = exchanges.begin(request, response);
    if (door.stopping.aborted) return sendFailure(response, STOPPING, exchange);
    const asked =
      request.method === 'GET' && !request.headers.accept?.includes('text/')
        ? PLAIN_POLL.exec(request.url ?? '')
        : null;
    const hostname = asked === null ? undefined : parseHostname(asked[1] ?? '');
    if (hostname === undefined) return app(request, response);
    exchange.route = nodeRoute.path;
    exchange.hostname = hostname;
    void poll(door, request, { response, exchange, hostname });
  };
}

interface Polling {
  readonly response: ServerResponse;
  readonly exchange: Exchange;
  readonly hostname: Hostname;
}

async function poll(door: Door, request: IncomingMessage, { response, exchange, hostname }: Polling): Promise<void> {
  try {
    const reply = await answerPlainPoll(door, request, hostname);
    if (response.destroyed) return;
    if (reply.kind === 'prepared') sendPrepared(response, reply, exchange);
    else sendFailure(response, reply, exchange);
  } catch (error) {
    const reply = answerTo(error, { log: door.context.log, id: exchange.id });
    if (response.headersSent) response.destroy();
    else sendFailure(response, reply, exchange);
  }
}

const STOPPING = {
  ...failure('stopping', 'the server is being stopped', 'ask again in a few seconds, or ask another server'),
  headers: { Connection: 'close', 'Retry-After': '5' },
};

/** Longer than any poll may wait. Whoever takes nothing of their answer for so long has gone away. */
const STALLED_MS = 11 * 60_000;

/** How often connections are looked over that take too long. */
const CHECKS_PER_TIMEOUT = 4;
const MOST_BETWEEN_CHECKS_MS = 5_000;

/** A connection that sends nothing, or too slowly, is cut off; thousands of them must not keep others out. */
function timeouts({ http }: Settings) {
  const headersTimeout = http.headersTimeoutSeconds * 1000;
  return {
    headersTimeout,
    requestTimeout: Math.max(http.requestTimeoutSeconds, http.headersTimeoutSeconds) * 1000,
    keepAliveTimeout: http.keepAliveTimeoutSeconds * 1000,
    connectionsCheckingInterval: Math.min(headersTimeout / CHECKS_PER_TIMEOUT, MOST_BETWEEN_CHECKS_MS),
  };
}

const WARN_EVERY_MS = 60_000;

function warnWhenFull(server: Server, { context }: Door): void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  server.on('drop', () => {
    const now = context.clock.monotonic();
    if (now - warnedAt < WARN_EVERY_MS) return;
    warnedAt = now;
    context.log.warn('connections are refused: there are too many', {
      limit: server.maxConnections,
      setting: 'http.max_connections',
    });
  });
}

function isAnswering(exchanges: Exchanges, socket: Duplex): boolean {
  for (const response of exchanges.open()) if (response.socket === socket && response.headersSent) return true;
  return false;
}

function trackSockets(server: Server): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  function gone(this: Socket): void {
    sockets.delete(this);
  }
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', gone);
  });
  return sockets;
}

/** While the server stops, a connection has nothing left to do once its answer is out. */
function dropIdle(server: Server, stopping: AbortSignal): void {
  if (stopping.aborted) void setImmediate().then(() => server.closeIdleConnections());
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<Attempt<string>> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, () => {
        server.off('error', reject);
        resolve();
      });
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { ok: false, sentence: `nothing can be heard at ${shown(host)}:${port} (${code})`, hint: hintFor(code) };
  }
  return { ok: true, value: `http://${shown(host)}:${(server.address() as AddressInfo).port}` };
}

function hintFor(code: string): string {
  if (code === 'EADDRINUSE')
    return 'another process listens there: is a server running already? Choose another port with --listen';
  if (code === 'EACCES') return 'ports below 1024 need a privilege: choose a higher one with --listen';
  return 'choose an address of this machine with --listen, such as 127.0.0.1:8420';
}

function shown(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
