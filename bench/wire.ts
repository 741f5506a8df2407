import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** One connection at a time to a server, for one question at a time: little more than the bytes, so that asking is cheap. */
export interface Wire {
  /** A whole request as it is to be sent. Rejects where the connection breaks before the answer is whole. */
  ask(request: string): Promise<WireAnswer>;
  close(): void;
}

export interface WireAnswer {
  readonly status: number;
  readonly head: string;
  /** Of the whole answer, head included. */
  readonly bytes: number;
}

interface Waiting {
  resolve(answer: WireAnswer): void;
  reject(error: Error): void;
}

const HEAD_END = '\r\n\r\n';
const TIMEOUT_MS = 20_000;

export function openWire(url: string): Wire {
  const { hostname, port, protocol } = new URL(url);
  let socket: Socket | undefined;
  let waiting: Waiting | undefined;
  let head = '';
  let total = 0;
  /** Still to come of the answer's body; undefined while its head is read. */
  let left: number | undefined;

  const fail = (error: Error): void => {
    socket?.destroy();
    socket = undefined;
    const asking = waiting;
    waiting = undefined;
    asking?.reject(error);
  };

  const finish = (): void => {
    const asking = waiting;
    waiting = undefined;
    const answer = { status: Number(head.slice(9, 12)), head, bytes: total };
    if (/\r\nconnection: close\r\n/i.test(head)) {
      socket?.destroy();
      socket = undefined;
    }
    asking?.resolve(answer);
  };

  const take = (chunk: Buffer): void => {
    if (waiting === undefined) return;
    let body = chunk.length;
    if (left === undefined) {
      const before = head.length;
      head += chunk.toString('latin1');
      const end = head.indexOf(HEAD_END);
      if (end === -1) return;
      body = before + chunk.length - end - HEAD_END.length;
      head = head.slice(0, end + HEAD_END.length);
      total = head.length;
      left = bodyLength(head);
    }
    total += body;
    left -= body;
    if (left <= 0) finish();
  };

  const open = (): Socket => {
    const at = { host: hostname, port: Number(port), noDelay: true };
    // Certificates here are made for the day.
    const opened = protocol === 'https:' ? connectTls({ ...at, rejectUnauthorized: false }) : connect(at);
    opened.setTimeout(TIMEOUT_MS, () => fail(new Error('no answer in time')));
    opened.on('data', take);
    opened.on('error', (error) => opened === socket && fail(error));
    opened.on('close', () => opened === socket && fail(new Error('the connection was closed')));
    return opened;
  };

  return {
    ask(request) {
      head = '';
      left = undefined;
      return new Promise((resolve, reject) => {
        waiting = { resolve, reject };
        socket ??= open();
        socket.write(request, 'latin1');
      });
    },
    close() {
      waiting = undefined;
      socket?.destroy();
      socket = undefined;
    },
  };
}

/** Of what the servers here answer, only a 304 and a 204 have no body. */
function bodyLength(head: string): number {
  const length = headerOf(head, 'content-length');
  return length === undefined || head.startsWith('HTTP/1.1 304') ? 0 : Number(length);
}

/** `name` in lower case. */
export function headerOf(head: string, name: string): string | undefined {
  const line = head.split('\r\n').find((each) => each.slice(0, name.length + 1).toLowerCase() === `${name}:`);
  return line?.slice(name.length + 1).trim();
}
