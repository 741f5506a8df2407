import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { openTlsFiles } from '../adapters/tls/tls-files.ts';
import { openConnections } from '../http/connections.ts';
import { answerTo } from '../http/errors.ts';
import { openExchanges } from '../http/exchange.ts';
import { orLongWay } from '../http/or-long-way.ts';
import { sendFailure } from '../http/send.ts';
import { STOPPING } from '../http/stopping.ts';
import type { Attempt, Clock, Log } from '../ports/common.ts';
import type { KnownCredentials } from '../ports/credentials.ts';
import type { ListenAddress } from '../settings/settings.ts';
import { accessBy } from './bulletin-lines.ts';
import { openFileSender } from './file-sender.ts';
import { openFilesTrace } from './files-trace.ts';
import { forward } from './forward.ts';
import { bulletinOf } from './head-socket.ts';
import { openLine } from './line.ts';
import type { HeadPlace } from './messages.ts';
import { openReplica } from './replica.ts';

/** One of several processes that share the port. */
export interface ServingDoor {
  listen(address: ListenAddress): Promise<Attempt<string>>;
  /** Sends nothing more to the head. Settles when it has answered what was sent, but for those who wait. */
  hold(): Promise<void>;
  go(at: HeadPlace): void;
  retire(idleSeconds: number): Promise<void>;
  stop(graceSeconds: number): Promise<void>;
}

/** A new head is there within a few seconds; who asks may give up after that. */
const PATIENCE_MS = 10_000;

export interface DoorPorts {
  readonly log: Log;
  readonly clock: Clock;
  /** Who is believed to be who: a door looks for itself. */
  readonly credentials: KnownCredentials;
  readonly patienceMs?: number;
}

/** Takes requests from the port and puts them to the head, which decides. */
export function createDoor(
  at: HeadPlace,
  { log, clock, credentials, patienceMs = PATIENCE_MS }: DoorPorts,
): ServingDoor {
  const stop = new AbortController();
  const ending = new AbortController();
  // Everybody who waits listens.
  setMaxListeners(0, stop.signal, ending.signal);
  const line = openLine(at.socket);
  const exchanges = openExchanges({
    log,
    prefix: randomBytes(4).toString('hex'),
    onEnd: () => connections.dropIdle(),
  });
  const ports = { line, ending: ending.signal, patienceMs, sendFile: openFileSender(log) };
  const { http, fleet, tls: settings } = at.settings;
  const tls = settings === null ? null : { settings, files: openTlsFiles(settings) };
  const access = accessBy(at.settings);
  const replica = openReplica({
    files: openFilesTrace(at.base),
    exchanges,
    log,
    clock,
    credentials,
    access,
    mostNodes: fleet.mostNodes,
  });
  replica.follow(bulletinOf(at.socket));
  const isAnswered = orLongWay(replica.answered, log);
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    if (stop.signal.aborted) {
      sendFailure(response, STOPPING, exchanges.begin(request, response));
      return;
    }
    const tooMany = replica.tooMany(request);
    if (tooMany !== undefined) {
      sendFailure(response, tooMany, exchanges.begin(request, response));
      return;
    }
    // Nearly every request is a poll to which the head's answer stands. It says the same, and everything else.
    if (isAnswered(request, response)) return;
    const exchange = exchanges.begin(request, response);
    if (isReport(request)) replica.tell();
    // Who changed something and asks then may not be told what was before.
    if (mayChange(request)) response.once('close', replica.doubt());
    forward(ports, { request, response, exchange }).catch((error) => {
      exchange.isLoggedElsewhere = false;
      const reply = answerTo(error, { log, id: exchange.id });
      if (response.headersSent) response.destroy();
      else sendFailure(response, reply, exchange);
    });
  };
  const connections = openConnections({ http, log, exchanges, stop, listener, tls });
  stop.signal.addEventListener('abort', () => ending.abort(), { once: true });
  return {
    listen: connections.listen,
    async hold() {
      await Promise.all([line.hold(), replica.leave()]);
    },
    go({ socket }) {
      line.go(socket);
      replica.follow(bulletinOf(socket));
    },
    async retire(idleSeconds) {
      const retired = connections.retire(idleSeconds);
      ending.abort();
      await retired;
      await replica.leave();
    },
    async stop(graceSeconds) {
      await connections.close(graceSeconds);
      await replica.leave();
    },
  };
}

/** Whether a request may change what nodes are told. Reports, of which there are many, don't. */
function mayChange(request: IncomingMessage): boolean {
  return !['GET', 'HEAD', 'OPTIONS'].includes(request.method ?? '') && !isReport(request);
}

/** What a host reports counts by what it was told. */
function isReport({ method, url = '' }: IncomingMessage): boolean {
  return method === 'POST' && url.endsWith('/reports');
}
