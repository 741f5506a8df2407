import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';

/** The least that a server can do to answer a poll: compare the entity tag, and say 304. */
export const YARDSTICKS = ['node', 'express'] as const;
export type Yardstick = (typeof YARDSTICKS)[number];

/** What the yardsticks, nginx as well, answer everybody. */
export const ETAG = '"4f1f7b0ac0cd9ea2d1d6b6ae4bb0fbb7"';

export function isYardstick(name: string | undefined): name is Yardstick {
  return YARDSTICKS.some((known) => known === name);
}

/** Answers until the process is ended; prints its URL when it can be asked. */
export function serveYardstick(name: Yardstick): void {
  const server = createServer(name === 'node' ? bareNode : bareExpress());
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    process.stdout.write(`http://127.0.0.1:${port}\n`);
  });
}

const bareNode: RequestListener = (request, response) => {
  response.writeHead(request.headers['if-none-match'] === ETAG ? 304 : 200, { ETag: ETAG });
  response.end();
};

function bareExpress(): RequestListener {
  const app = express();
  app.disable('x-powered-by');
  app.get('/v1/nodes/:hostname', (request, response) => {
    response.set('ETag', ETAG);
    response.status(request.headers['if-none-match'] === ETAG ? 304 : 200).end();
  });
  return app;
}
