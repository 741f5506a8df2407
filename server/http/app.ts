import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { STATUS_OF } from '../../protocol/errors.ts';
import { parseHostname } from '../../protocol/names.ts';
import { noteRefusal } from '../operations/audit.ts';
import { actorOf } from './actor.ts';
import { whoAsks } from './caller.ts';
import type { Door } from './door.ts';
import { answerTo } from './errors.ts';
import type { Exchanges } from './exchange.ts';
import { refuse } from './guard.ts';
import { parameter, readAsked } from './read.ts';
import { type FailureReply, failure, type Reply } from './reply.ts';
import type { Access, Call, Route } from './route.ts';
import { send, sendFailure } from './send.ts';
import { strictTransport } from './strict-transport.ts';

/** The routes as an Express application. Its answers carry what `exchanges` knows of the request. */
export function createApp(door: Door, exchanges: Exchanges, routes: readonly Route[]): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  app.set('query parser', 'simple');
  for (const path of new Set(routes.map((route) => route.path))) {
    const here = routes.filter((route) => route.path === path);
    for (const route of here) mount(app, route, { door, exchanges });
    app.all(path, (_request, response) => sendFailure(response, wrongMethod(here), exchanges.of(response)));
  }
  app.use((_request: Request, response: Response) => sendFailure(response, NO_ROUTE, exchanges.of(response)));
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    fail(response, error, { door, exchanges });
  });
  return app;
}

interface Around {
  readonly door: Door;
  readonly exchanges: Exchanges;
}

/**
 * Why a host is told to come back later that may ask, but does so too often. Who wants to join with nothing to show is counted
 * before: names that are taken, and places among those who wait, would not come back.
 */
function limited({ access }: Route, { door, caller, peer, request }: Call): FailureReply | undefined {
  if (access === 'enrol') return caller.kind === 'joiner' ? undefined : door.limits.failure(peer);
  const isNode = access === 'node' || access === 'own-token';
  const hostname = isNode ? parseHostname(parameter(request, 'hostname')) : undefined;
  return hostname === undefined ? undefined : door.limits.node(peer, hostname);
}

/** What somebody is told who gets nothing. Those who only try are slowed down, and all are recorded. */
function failed({ method, path, access }: Route, call: Call, reply: FailureReply): FailureReply {
  if (reply.isNoAttempt === true) return reply;
  const { door, caller, peer } = call;
  const isFailedJoin = access === 'enrol' && caller.kind === 'joiner' && STATUS_OF[reply.code] < 500;
  const isAttempt = reply.code === 'unauthenticated' || isFailedJoin;
  const last = (isAttempt ? door.limits.failure(peer) : undefined) ?? reply;
  const { code } = last;
  const by = reply.by === undefined ? {} : { by: reply.by };
  if (REFUSALS.has(STATUS_OF[code]))
    noteRefusal(door.context, { code, route: `${method} ${path}`, actor: { ...actorOf(call), ...by } });
  return last;
}

const REFUSALS: ReadonlySet<number> = new Set([401, 403, 429]);

const FOR_HOSTS: ReadonlySet<Access> = new Set(['node', 'own-token', 'view', 'enrol']);

const VERBS = { GET: 'get', POST: 'post', PUT: 'put', DELETE: 'delete' } as const;

function mount(app: Express, route: Route, { door, exchanges }: Around): void {
  app[VERBS[route.method]](route.path, async (request: Request, response: Response) => {
    const exchange = exchanges.of(response);
    exchange.route = route.path;
    exchange.hostname = parseHostname(parameter(request, 'hostname')) ?? null;
    const refusedNow = (): FailureReply | undefined => {
      const { caller, peer } = whoAsks(door.callers, request);
      return refuse(route, { door, request, response, caller, peer });
    };
    const { caller, peer } = whoAsks(door.callers, request);
    const call: Call = { door, request, response, caller, peer, refusedNow };
    const reply = refuse(route, call) ?? limited(route, call) ?? (await answer(route, call));
    // Some wait for their answer, and may have been put out since.
    const counts = (route.method === 'GET' ? refusedNow() : undefined) ?? reply;
    const last = counts.kind === 'failure' ? failed(route, call, counts) : counts;
    if (response.destroyed) return;
    // Hosts are no browsers.
    if (!FOR_HOSTS.has(route.access)) response.set(strictTransport(call.peer, request.headers));
    await send(response, last, exchange);
  });
}

/** A route is given what its description says, and nothing that it does not. */
async function answer(route: Route, call: Call): Promise<Reply> {
  const asked = await readAsked(route, call);
  return asked.ok ? route.handle(call, asked.value) : asked.reply;
}

/** Where nothing has been written yet it can still be said; else only a cut connection shows it. */
function fail(response: Response, error: unknown, { door, exchanges }: Around): void {
  if (response.destroyed) return;
  const exchange = exchanges.of(response);
  const reply = answerTo(error, { log: door.context.log, id: exchange.id });
  if (response.headersSent) response.destroy();
  else sendFailure(response, reply, exchange);
}

const NO_ROUTE = failure('not-found', 'there is nothing at this path', 'GET /openapi.json says which there are');

function wrongMethod(routes: readonly Route[]): FailureReply {
  const methods = routes.flatMap(({ method }) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  const allow = methods.join(', ');
  return { ...failure('method-not-allowed', `this path answers ${allow} only`), headers: { Allow: allow } };
}
