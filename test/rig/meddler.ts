import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';

export interface Meddler {
  readonly url: string;
  /** What was asked, as in `GET /v1/nodes/web1`, in order. */
  readonly requests: string[];
  /** Called when the server has answered and before the client hears of it: what happens here happens in between. */
  meddle: (asked: string) => void | Promise<void>;
}

interface Forwarded {
  readonly status: number;
  readonly headers: OutgoingHttpHeaders;
  readonly body: Buffer;
}

/** Stands between clients and a server, so that a test can do something at an exact moment of a client's run. */
export async function meddler(serverUrl: string): Promise<Meddler> {
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const asked = `${request.method} ${request.url}`;
    itself.requests.push(asked);
    const { status, headers, body } = await forward(serverUrl, request);
    await itself.meddle(asked);
    response.writeHead(status, headers).end(body);
  };
  const server = createServer((request, response) => {
    handle(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const itself: Meddler = { url: `http://127.0.0.1:${port}`, requests: [], meddle: () => undefined };
  return itself;
}

async function forward(serverUrl: string, request: IncomingMessage): Promise<Forwarded> {
  const { host: _host, connection: _connection, ...headers } = request.headers;
  const sent = await buffer(request);
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(serverUrl + request.url, { method: request.method, headers, agent: false })
      .once('response', resolve)
      .once('error', reject)
      .end(sent);
  });
  const { connection: _kept, 'keep-alive': _alive, 'transfer-encoding': _chunks, ...told } = response.headers;
  return { status: response.statusCode ?? 502, headers: told, body: await buffer(response) };
}
