import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { onTestFinished } from 'vitest';
import type { Notification } from '../../server/core/notification.ts';
import { until } from '../rig/until.ts';

export interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly delivery: string;
}

/** What it answers: a status, that it says nothing, or that it cuts the connection. */
export type Answering = number | 'hang' | 'cut' | { readonly status: number; readonly headers: Record<string, string> };

export interface Receiver {
  readonly url: string;
  /** Everything that came, taken or not. */
  readonly all: readonly Received[];
  /** What was taken. */
  readonly taken: readonly Received[];
  /** The notifications that were taken. */
  notifications(): Notification[];
  /** Waits for a notification of a kind to be taken. */
  heard(kind: Notification['kind'], subject?: string): Promise<Notification>;
  answer(by: Answering | ((received: Received) => Answering)): void;
}

/** Somebody who is told, at a free port of this machine. Gone when the test ends. */
export async function receiver(tls?: { readonly cert: string; readonly key: string }): Promise<Receiver> {
  const all: Received[] = [];
  const taken: Received[] = [];
  let answering: (received: Received) => Answering = () => 200;
  const listener = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await text(request);
    const received = { headers: request.headers, body, delivery: String(request.headers['tagwave-delivery']) };
    all.push(received);
    const answer = answering(received);
    if (answer === 'hang') return;
    if (answer === 'cut') {
      request.socket.destroy();
      return;
    }
    const { status, headers } = typeof answer === 'number' ? { status: answer, headers: {} } : answer;
    if (status < 300) taken.push(received);
    response.writeHead(status, headers).end();
  };
  const server: Server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const notifications = (): Notification[] => taken.map(({ body }) => JSON.parse(body));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${tls === undefined ? 'http://127.0.0.1' : 'https://localhost'}:${port}/hooks/tagwave?key=value`,
    all,
    taken,
    notifications,
    heard: (kind, subject) =>
      until(`a notification of ${kind}`, () =>
        notifications().find((one) => one.kind === kind && (subject === undefined || one.subject === subject)),
      ),
    answer(by) {
      answering = typeof by === 'function' ? by : () => by;
    },
  };
}

export function isSigned({ headers, body }: Received, secret: string): boolean {
  const signature = Buffer.from(String(headers['tagwave-signature']));
  const hmac = createHmac('sha256', secret).update(`${headers['tagwave-timestamp']}.${body}`).digest('hex');
  const wanted = Buffer.from(`sha256=${hmac}`);
  return signature.length === wanted.length && timingSafeEqual(signature, wanted);
}
