import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import type { Attempt, Log } from '../ports/common.ts';
import type { HttpSettings, ListenAddress } from '../settings/settings.ts';
import { limitConnectionsPerAddress, seldom } from './address-connections.ts';
import { readWhatHasArrived } from './arrived.ts';
import { answerBrokenRequest } from './broken-request.ts';
import type { Exchanges } from './exchange.ts';
import type { Messages } from './messages.ts';
import { sendWaiting } from './outbox.ts';
import { boundPipelines } from './pipeline.ts';
import { openTlsServer, type Tls } from './tls-server.ts';

/** All connections to one address, from the first that is accepted to the last that is closed. */
export interface Connections {
  /** Answers the URL, or why nothing can be heard there. */
  listen(address: ListenAddress): Promise<Attempt<string>>;
  /** Hears on a Unix socket, which must not exist yet. */
  listenOn(path: string): Promise<void>;
  /**
   * Hears nobody new, lets every request that has begun finish for so many seconds, then cuts off the rest. `stop` is aborted
   * once nobody new is heard. Settles when all connections are closed.
   */
  close(graceSeconds: number): Promise<void>;
  /**
   * Hears nobody new because somebody else does from now on: nobody who is connected may notice. Each connection is closed
   * with its next answer, or by itself when it stayed idle for so many seconds. Settles when all are closed.
   */
  retire(idleSeconds: number): Promise<void>;
  /** To be called when an answer is finished: a server that stops has no more use for its connection. */
  dropIdle(): void;
}

export interface ConnectionsOptions {
  /** As they stood at the start: limits are set once. */
  readonly http: HttpSettings;
  readonly log: Log;
  readonly exchanges: Exchanges;
  readonly stop: AbortController;
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
  /** Who connects was let in by another process, which keeps the limits. */
  readonly isBehindDoors?: boolean;
  /** Absent or null: plain HTTP. */
  readonly tls?: Tls | null;
  /** Absent: Node's own. */
  readonly messages?: Messages;
}

export function openConnections(options: ConnectionsOptions): Connections {
  const { http, log, exchanges, stop, isBehindDoors = false, tls = null, messages = {} } = options;
  const listener = boundPipelines(options.listener, log);
  const common = { ...(isBehindDoors ? BEHIND_DOORS : timeouts(http)), ...messages };
  // Shaking hands may take as long as the headers that follow.
  const handshakeTimeoutMs = http.headersTimeoutSeconds * 1000;
  const following = { onDistrust: dropEverybody, answering: busy };
  const secure =
    tls === null ? null : openTlsServer({ tls, log, listener, http: common, handshakeTimeoutMs, ...following });
  const server = secure?.server ?? createServer(common, listener);
  if (!isBehindDoors) server.maxConnections = http.maxConnections;
  server.timeout = isBehindDoors ? 0 : STALLED_MS;
  // Their size is bounded. Of more than so many, node would leave out the last ones, which proxies and doors have written.
  server.maxHeadersCount = 0;
  server.on('clientError', (error: Error, socket: Duplex) => {
    sendWaiting();
    if (secure?.isShakingHands(socket)) secure.giveUp(error, socket);
    else answerBrokenRequest(error, socket, isAnswering(exchanges, socket));
  });
  warnWhenFull(server, log);
  // Over TLS a connection is one when hands have been shaken.
  const sockets = trackSockets(server, secure === null ? 'connection' : 'secureConnection');
  if (!isBehindDoors) limitConnectionsPerAddress(server, { http, log });
  const sayClose = (): void => {
    for (const response of exchanges.open()) if (!response.headersSent) response.shouldKeepAlive = false;
  };
  const dropIdle = (): void => {
    sendWaiting();
    // Who asked on without waiting gets each answer a tick after the last one: all ticks come before the next microtask.
    process.nextTick(() => queueMicrotask(dropNow));
  };
  const dropNow = (): void => {
    const answering = busy();
    for (const socket of sockets) if (!answering.has(socket)) socket.destroySoon();
  };
  function busy(): Set<Socket | null> {
    return new Set([...exchanges.open()].map((response) => response.socket));
  }
  /** Each with its next answer; who does not ask at the moment at once. */
  function dropEverybody(): void {
    sayClose();
    for (const response of exchanges.open()) {
      const { socket } = response;
      response.once('close', () => socket?.destroySoon());
    }
    dropIdle();
  }

  return {
    async listen(address) {
      const begun = secure?.begin();
      return begun?.ok === false ? begun : listen(server, address, secure === null ? 'http' : 'https');
    },
    listenOn: (path) => heard(server, () => server.listen(path)),
    async close(graceSeconds) {
      await readWhatHasArrived();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      stop.abort();
      sayClose();
      // What a poll was just told still goes out.
      dropIdle();
      secure?.end();
      const cutOff = setTimeout(() => server.closeAllConnections(), graceSeconds * 1000);
      await closed;
      clearTimeout(cutOff);
    },
    async retire(idleSeconds) {
      server.prependListener('request', (_request, response) => {
        response.shouldKeepAlive = false;
      });
      sayClose();
      // Not as an HTTP server, which would close idle connections at once: a question may be on its way on each.
      const closed = new Promise<void>((resolve) => NetServer.prototype.close.call(server, () => resolve()));
      const dropping = setTimeout(dropIdle, idleSeconds * 1000);
      await closed;
      clearTimeout(dropping);
      secure?.end();
    },
    dropIdle() {
      if (stop.signal.aborted) void setImmediate().then(() => server.closeIdleConnections());
    },
  };
}

/** Longer than any poll may wait. Whoever takes nothing of their answer for so long has gone away. */
const STALLED_MS = 11 * 60_000;

/** How often connections are looked over that take too long. */
const CHECKS_PER_TIMEOUT = 4;
const MOST_BETWEEN_CHECKS_MS = 5_000;

/** A connection that sends nothing, or too slowly, is cut off; thousands of them must not keep others out. */
function timeouts(http: HttpSettings) {
  const headersTimeout = http.headersTimeoutSeconds * 1000;
  return {
    headersTimeout,
    requestTimeout: Math.max(http.requestTimeoutSeconds, http.headersTimeoutSeconds) * 1000,
    keepAliveTimeout: http.keepAliveTimeoutSeconds * 1000,
    connectionsCheckingInterval: Math.min(headersTimeout / CHECKS_PER_TIMEOUT, MOST_BETWEEN_CHECKS_MS),
  };
}

/** What a door lets through is let through here: it has added to the headers, and its client may be slow but is no danger. */
const BEHIND_DOORS = {
  headersTimeout: 0,
  requestTimeout: 0,
  keepAliveTimeout: 0,
  maxHeaderSize: 64 * 1024,
  // Of HTTP/1.0 a door asks in HTTP/1.1, too.
  requireHostHeader: false,
};

function warnWhenFull(server: Server, log: Log): void {
  const warn = seldom();
  server.on('drop', () =>
    warn(() =>
      log.warn('connections are refused: there are too many', {
        limit: server.maxConnections,
        setting: 'http.max_connections',
      }),
    ),
  );
}

function isAnswering(exchanges: Exchanges, socket: Duplex): boolean {
  for (const response of exchanges.open()) if (response.socket === socket && response.headersSent) return true;
  return false;
}

function trackSockets(server: Server, event: 'connection' | 'secureConnection'): ReadonlySet<Socket> {
  const sockets = new Set<Socket>();
  function gone(this: Socket): void {
    sockets.delete(this);
  }
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    // Who says at once that nothing more is coming wants the answer all the same.
    socket.prependListener('end', sendWaiting);
    socket.once('close', gone);
  });
  return sockets;
}

async function listen(server: Server, { host, port }: ListenAddress, scheme: string): Promise<Attempt<string>> {
  try {
    await heard(server, () => server.listen(port, host));
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return { ok: false, sentence: `nothing can be heard at ${shown(host)}:${port} (${code})`, hint: hintFor(code) };
  }
  return { ok: true, value: `${scheme}://${shown(host)}:${(server.address() as AddressInfo).port}` };
}

async function heard(server: Server, begin: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    begin();
  });
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
