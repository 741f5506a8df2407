import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Hostname, parseHostname } from '../../protocol/names.ts';
import type { Context } from '../operations/context.ts';
import { fetchSource } from '../operations/fetch.ts';
import type { Attempt } from '../ports.ts';
import type { ListenAddress, Settings } from '../settings/settings.ts';
import { createApp } from './app.ts';
import { openConnections } from './connections.ts';
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
    onEnd: () => connections.dropIdle(),
  });
  const connections = openConnections({
    http: settings.http,
    log: context.log,
    exchanges,
    stop,
    listener: listener(door, exchanges),
  });

  return {
    listen: connections.listen,
    async close(graceSeconds) {
      await connections.close(graceSeconds);
      await fetching.idle();
    },
  };
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
