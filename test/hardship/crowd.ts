import { once } from 'node:events';
import { type Agent, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect, createServer, type Socket } from 'node:net';
import { type Duplex, PassThrough } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { connect as connectTls } from 'node:tls';

/** Who connects and keeps the server waiting, again and again. */
export interface Nuisance {
  /** How many of them the server has cut off at least once. */
  readonly cutOff: () => number;
  stop(): void;
}

/** What somebody does with a connection until it is closed. Keeps it open, and the server waiting. */
export type Keeping = (socket: Socket, closed: AbortSignal) => void | Promise<void>;

/** All at once would only fill the kernel's queue, from which some of them come to the server half a minute later. */
const COMING_MS = 5_000;

/** So many connections, each of which comes back as soon as the server has closed it. */
export function nuisance(url: string, count: number, keep: Keeping): Nuisance {
  const { hostname, port } = new URL(url);
  const sockets = new Set<Socket>();
  const wereCutOff = new Set<number>();
  let isOver = false;
  const come = (who: number): void => {
    if (isOver) return;
    const closed = new AbortController();
    const socket = connect(Number(port), hostname);
    sockets.add(socket);
    socket.resume();
    let wasOpen = false;
    socket.once('connect', () => {
      wasOpen = true;
      // What goes wrong on a connection that is cut off is what is waited for.
      void Promise.resolve(keep(socket, closed.signal)).catch(() => undefined);
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      closed.abort();
      sockets.delete(socket);
      if (wasOpen && !isOver) wereCutOff.add(who);
      setTimeout(() => come(who), Math.random() * COMING_MS);
    });
  };
  for (let who = 0; who < count; who++) setTimeout(() => come(who), (who / count) * COMING_MS);
  return {
    cutOff: () => wereCutOff.size,
    stop() {
      isOver = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

export const idle: Keeping = () => undefined;

export function saying(bytes: Buffer): Keeping {
  return (socket) => void socket.write(bytes);
}

const DRIBBLE_MS = 400;

/** A byte every now and then, over and over from the start. */
export function dribbling(bytes: Buffer): Keeping {
  return async (socket, closed) => {
    for (let at = 0; !closed.aborted; at++) {
      socket.write(bytes.subarray(at % bytes.length, (at % bytes.length) + 1));
      await delay(DRIBBLE_MS);
    }
  };
}

/** The beginning of a request, and then a header that never ends. */
export const dribblingHeaders: Keeping = (socket, closed) => dribbleHeaders(socket, closed);

async function dribbleHeaders(to: Duplex, closed: AbortSignal): Promise<void> {
  to.write('GET /v1/nodes/web1 HTTP/1.1\r\nHost: localhost\r\nX: ');
  while (!closed.aborted) {
    to.write('x');
    await delay(DRIBBLE_MS);
  }
}

/** Shakes hands as one should, and then is slow. */
export const dribblingHeadersOverTls: Keeping = async (socket, closed) => {
  const secure = connectTls({ socket, rejectUnauthorized: false });
  secure.on('error', () => undefined).resume();
  await once(secure, 'secureConnect');
  await dribbleHeaders(secure, closed);
};

/** What a client says first when it speaks TLS. */
export async function clientHello(): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on a port');
  const heard = once(server, 'connection').then(async ([socket]: Socket[]) => {
    const wire = socket?.pipe(new PassThrough());
    return wire === undefined ? undefined : (await once(wire, 'data'))[0];
  });
  const client = connectTls({ port: address.port, host: '127.0.0.1', rejectUnauthorized: false });
  client.on('error', () => undefined);
  const hello: unknown = await heard;
  client.destroy();
  server.close();
  if (!Buffer.isBuffer(hello)) throw new Error('a client says something');
  return hello;
}

export interface FleetPolls {
  readonly took: number[];
  readonly failures: unknown[];
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly url: string;
  readonly hosts: readonly string[];
  /** Who is believed about the server, in PEM. */
  readonly ca?: string;
  /** Absent: a connection for each poll. */
  readonly agent?: Agent;
  readonly pauseMs: number;
}

/** Each host asks, and asks again a while after it was answered. */
export function fleetPolls({ url, hosts, ca, agent, pauseMs }: FleetOptions): FleetPolls {
  const [took, failures]: [number[], unknown[]] = [[], []];
  let isOver = false;
  const askOn = async (host: string): Promise<void> => {
    while (!isOver) {
      const began = performance.now();
      try {
        const status = await poll(`${url}/v1/nodes/${host}`, { ca, agent });
        if (status !== 200) failures.push(status);
      } catch (error) {
        failures.push(error);
      }
      took.push(performance.now() - began);
      await delay(pauseMs);
    }
  };
  const done = Promise.all(hosts.map(askOn));
  return {
    took,
    failures,
    async stop() {
      isOver = true;
      await done;
    },
  };
}

const PATIENCE_MS = 30_000;

interface Asking {
  readonly ca: string | undefined;
  readonly agent: Agent | undefined;
}

function poll(url: string, { ca, agent }: Asking): Promise<number> {
  return new Promise((resolve, reject) => {
    const how = { agent: agent ?? false, ca, timeout: PATIENCE_MS };
    const asked = (url.startsWith('https:') ? httpsRequest : httpRequest)(url, how, (answer) => {
      answer.once('error', reject);
      answer.once('end', () => resolve(answer.statusCode ?? 0));
      answer.resume();
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer in time')));
    asked.once('error', reject);
    asked.end();
  });
}
