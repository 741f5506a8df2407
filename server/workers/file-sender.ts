import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type Request, type Response } from 'express';
import { answerTo } from '../http/errors.ts';
import { send, sendFailure } from '../http/send.ts';
import type { Log } from '../ports/common.ts';
import type { ForwardPorts } from './forward.ts';

/** Sends files with Express's own machinery, as a server without doors does: conditions, ranges, HEAD. */
export function openFileSender(log: Log): ForwardPorts['sendFile'] {
  const waiting = new WeakMap<IncomingMessage, (response: Response) => void>();
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use((request: Request, response: Response) => waiting.get(request)?.(response));
  const asExpress = (request: IncomingMessage, response: ServerResponse): Promise<Response> =>
    new Promise((resolve) => {
      waiting.set(request, resolve);
      app(request, response);
    });
  return async ({ request, response, exchange }, { file, headers, route, hostname }, mayAskAgain) => {
    exchange.route = route;
    exchange.hostname = hostname;
    try {
      await send(await asExpress(request, response), { kind: 'file', file, headers }, exchange);
      return true;
    } catch (error) {
      if (response.destroyed) return true;
      if (isMissing(error) && mayAskAgain) return false;
      if (response.headersSent) response.destroy();
      else sendFailure(response, answerTo(error, { log, id: exchange.id }), exchange);
      return true;
    }
  };
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'status' in error && error.status === 404;
}
