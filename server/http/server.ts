import { randomBytes } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import type { Express } from 'express';
import type { Problem } from '../core/problem.ts';
import type { Context } from '../operations/context.ts';
import { fetchSource } from '../operations/fetch.ts';
import type { Attempt } from '../ports/common.ts';
import type { ListenAddress, Settings } from '../settings/settings.ts';
import { createApp } from './app.ts';
import { type Connections, openConnections } from './connections.ts';
import { type Door, liveSettings } from './door.ts';
import { type Exchanges, openExchanges } from './exchange.ts';
import { openLimits } from './limits.ts';
import { messagesOf } from './messages.ts';
import { orLongWay } from './or-long-way.ts';
import { believeAdminSocket, believeDoor } from './peer.ts';
import { openPollDoor } from './poll-door.ts';
import { ROUTES } from './routes.ts';
import { sendFailure } from './send.ts';
import { addressOf } from './socket-address.ts';
import { soon } from './soon.ts';
import { STOPPING } from './stopping.ts';
import type { Tls } from './tls-server.ts';

export interface HttpServer {
  /** Answers the URL, or why nothing can be heard there. */
  listen(address: ListenAddress): Promise<Attempt<string>>;
  /** Hears on a Unix socket, which must not exist yet. */
  listenOn(path: string): Promise<void>;
  /**
   * Hears, on the socket `admin.sock` of the state directory, those who may do everything because they can open it. Where that
   * cannot be, hosts are answered all the same, and it is a problem.
   */
  listenToAdmins(stateDir: string): Promise<void>;
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
    limits: openLimits({ settings: settingsNow, monotonic: context.clock.monotonic }),
    stopping: stop.signal,
    fetchSoon: fetching.ask,
  };
  const parts: Parts = { door, stop, app: options };
  const front = openFront(parts, {
    isBehindDoors,
    before: isBehindDoors ? believeDoor : () => undefined,
    tls: isBehindDoors ? null : tlsOf(settings, context),
  });
  const admins = openFront(parts, {
    isBehindDoors: false,
    before: ({ socket }) => believeAdminSocket(socket),
    tls: null,
  });

  const server: HttpServer = {
    listen: front.listen,
    listenOn: (path) => front.listenOn(addressOf(path)),
    async listenToAdmins(stateDir) {
      const path = join(stateDir, 'admin.sock');
      const trouble = await listenToAdmins(admins, path).catch(String);
      context.problems.set('admin-socket', trouble === undefined ? [] : [noAdminSocket(path, trouble)]);
      if (trouble === undefined || stop.signal.aborted) return;
      // A disk that cannot be written now may be writable later.
      setTimeout(() => void server.listenToAdmins(stateDir), ADMIN_SOCKET_RETRY_MS).unref();
    },
    idle: fetching.idle,
    async close(graceSeconds) {
      await Promise.all([front.close(graceSeconds), admins.close(graceSeconds)]);
      await fetching.idle();
    },
  };
  return server;
}

interface Parts {
  readonly door: Door;
  readonly stop: AbortController;
  readonly app: HttpServerOptions;
}

interface Way {
  readonly isBehindDoors: boolean;
  /** Called with each request first. */
  readonly before: (request: IncomingMessage) => void;
  readonly tls: Tls | null;
}

function tlsOf({ tls }: Settings, { tlsFiles }: Context): Tls | null {
  return tls === null || tlsFiles === null ? null : { settings: tls, files: tlsFiles };
}

/** One way in: all of them lead to the same answers. */
function openFront({ door, stop, app }: Parts, way: Way): Connections {
  const { log } = door.context;
  const { isBehindDoors } = way;
  const exchanges = openExchanges({
    log,
    prefix: randomBytes(4).toString('hex'),
    onEnd: () => connections.dropIdle(),
    measure: door.context.metrics.request,
    isBehindDoors,
  });
  const routes = createApp(door, exchanges, ROUTES);
  const answer = listener({ door, exchanges, routes }, { ...app, isBehindDoors });
  const connections = openConnections({
    http: app.settings.http,
    log,
    exchanges,
    stop,
    listener(request, response) {
      way.before(request);
      answer(request, response);
    },
    isBehindDoors,
    tls: way.tls,
    messages: messagesOf(routes),
  });
  return connections;
}

/** Its owner and the group of the state directory may open it; the directories above it say who comes that far. */
const ADMIN_SOCKET_MODE = 0o660;
const ADMIN_SOCKET_RETRY_MS = 1_000;

function noAdminSocket(path: string, why: string): Problem {
  return {
    id: 'http:admin-socket',
    severity: 'warning',
    sentence: `nobody can ask on the admin socket ${path} (${why}); everything else goes on`,
    hint: 'commands work on the files all the same; make the state directory writable for the server',
  };
}

async function listenToAdmins(admins: Connections, path: string): Promise<undefined> {
  rmSync(path, { force: true });
  // Nobody else may come in before the mode is set. Threads make directories meanwhile, which stay usable for us.
  const before = process.umask(0o077);
  try {
    await admins.listenOn(addressOf(path));
  } finally {
    process.umask(before);
  }
  chmodSync(path, ADMIN_SOCKET_MODE);
}

interface Within {
  readonly door: Door;
  readonly exchanges: Exchanges;
  readonly routes: Express;
}

function listener(
  { door, exchanges, routes }: Within,
  { withPollDoor = true, isBehindDoors = false, onAnswered }: HttpServerOptions,
): (request: IncomingMessage, response: ServerResponse) => void {
  const isAnswered = orLongWay(openPollDoor(door, exchanges), door.context.log);
  return (request, response) => {
    if (onAnswered !== undefined) response.once('close', () => onAnswered(request));
    if (door.stopping.aborted) return sendFailure(response, STOPPING, exchanges.begin(request, response));
    // What comes through a door was counted there.
    const tooMany = isBehindDoors ? undefined : door.limits.address(request);
    if (tooMany !== undefined) return sendFailure(response, tooMany, exchanges.begin(request, response));
    // Nearly every request is a poll to which the answer stands. The routes say the same, and everything else.
    if (withPollDoor && isAnswered(request, response)) return;
    exchanges.begin(request, response);
    routes(request, response);
  };
}
