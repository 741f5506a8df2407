import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Context } from '../operations/context.ts';
import { fetchSource } from '../operations/fetch.ts';
import type { Attempt } from '../ports.ts';
import type { ListenAddress, Settings } from '../settings/settings.ts';
import { createApp } from './app.ts';
import { openConnections } from './connections.ts';
import { type Door, liveSettings } from './door.ts';
import { type Exchanges, openExchanges } from './exchange.ts';
import { believeDoor } from './peer.ts';
import { openPollDoor } from './poll-door.ts';
import { ROUTES } from './routes.ts';
import { sendFailure } from './send.ts';
import { soon } from './soon.ts';
import { STOPPING } from './stopping.ts';

export interface HttpServer {
  /** Answers the URL, or why nothing can be heard there. */
  listen(address: ListenAddress): Promise<Attempt<string>>;
  /** Hears on a Unix socket, which must not exist yet. */
  listenOn(path: string): Promise<void>;
  /** Settles when nothing goes on that a request has set going and that takes long. */
  idle(): Promise<void>;
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
  /** Without it every poll goes through the routes, to the same answers: for tests that compare them. */
  readonly withPollDoor?: boolean;
  /** Requests come through doors, which say where from, and send the files. */
  readonly isBehindDoors?: boolean;
  /** Called when an answer to a request is out. */
  readonly onAnswered?: (request: IncomingMessage) => void;
}

/** The first door: hosts, and whoever looks after them, over HTTP. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { context, settings, isBehindDoors = false } = options;
  const stop = new AbortController();
  // Everybody who waits listens.
  setMaxListeners(0, stop.signal);
  const fetching = soon(
    () => fetchSource(context),
    (error) => context.log.error('a fetch that was asked for failed', { error }),
  );
  const settingsNow = liveSettings(context, settings);
  const door: Door = {
    context,
    settings: settingsNow,
    callers: { credentials: context.credentials, now: context.time.now, settings: settingsNow },
    stopping: stop.signal,
    fetchSoon: fetching.ask,
  };
  const exchanges = openExchanges({
    log: context.log,
    prefix: randomBytes(4).toString('hex'),
    onEnd: () => connections.dropIdle(),
    isBehindDoors,
  });
  const connections = openConnections({
    http: settings.http,
    log: context.log,
    exchanges,
    stop,
    listener: listener(door, exchanges, options),
    isBehindDoors,
  });

  return {
    listen: connections.listen,
    listenOn: connections.listenOn,
    idle: fetching.idle,
    async close(graceSeconds) {
      await connections.close(graceSeconds);
      await fetching.idle();
    },
  };
}

function listener(
  door: Door,
  exchanges: Exchanges,
  { withPollDoor = true, isBehindDoors = false, onAnswered }: HttpServerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const app = createApp(door, exchanges, ROUTES);
  const answered = openPollDoor(door, exchanges);
  return (request, response) => {
    if (isBehindDoors) believeDoor(request);
    if (onAnswered !== undefined) response.once('close', () => onAnswered(request));
    if (door.stopping.aborted) return sendFailure(response, STOPPING, exchanges.begin(request, response));
    // Nearly every request is a poll to which the answer stands. The routes say the same, and everything else.
    if (withPollDoor && answered(request, response)) return;
    exchanges.begin(request, response);
    app(request, response);
  };
}
