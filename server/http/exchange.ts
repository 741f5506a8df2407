import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../ports/common.ts';
import type { Measures } from '../ports/metrics.ts';

/** One request and its answer, from the first byte to the last. */
export interface Exchange {
  /** In the answer and in the log. */
  readonly id: string;
  readonly method: string;
  /** Milliseconds since some start. */
  readonly began: number;
  /** The pattern of the route that took it. */
  route: string | null;
  hostname: string | null;
  /** A host asked and nothing is new for it: nobody wants to read that thousands of times an hour. */
  quiet: boolean;
  /** It came through a door: a file is sent by that. */
  readonly isBehindDoor: boolean;
  /** Another process of this server has the last word in the log. */
  isLoggedElsewhere: boolean;
}

export interface Exchanges {
  begin(request: IncomingMessage, response: ServerResponse): Exchange;
  of(response: ServerResponse): Exchange;
  /** Answers that are not finished. */
  open(): ReadonlySet<ServerResponse>;
}

export interface ExchangePorts {
  readonly log: Log;
  /** Different in each process, so that ids stay apart in a log that goes on. */
  readonly prefix: string;
  /** Called when an answer is finished or its connection gone. */
  readonly onEnd: () => void;
  /** Told of each. `status` null: nothing was answered. */
  readonly measure?: Measures['request'];
  readonly isBehindDoors?: boolean;
}

export function openExchanges({ log, prefix, onEnd, measure, isBehindDoors = false }: ExchangePorts): Exchanges {
  const known = new WeakMap<ServerResponse, Exchange>();
  const open = new Set<ServerResponse>();
  let count = 0;

  const of = (response: ServerResponse): Exchange => {
    const exchange = known.get(response);
    if (exchange === undefined) throw new Error('an answer without a request');
    return exchange;
  };

  // One function for all: there is one answer a poll.
  function ended(this: ServerResponse): void {
    open.delete(this);
    const exchange = of(this);
    const { route, began } = exchange;
    measure?.({ route, status: this.headersSent ? this.statusCode : null, milliseconds: performance.now() - began });
    if (!exchange.isLoggedElsewhere) write(log, exchange, this);
    onEnd();
  }

  return {
    begin(request, response) {
      const exchange: Exchange = {
        id: `${prefix}-${(++count).toString(36)}`,
        method: request.method ?? '',
        began: performance.now(),
        route: null,
        hostname: null,
        quiet: false,
        isBehindDoor: isBehindDoors,
        isLoggedElsewhere: false,
      };
      known.set(response, exchange);
      open.add(response);
      response.once('close', ended);
      return exchange;
    },
    of,
    open: () => open,
  };
}

function write(log: Log, exchange: Exchange, response: ServerResponse): void {
  const { id, method, route, hostname, began, quiet } = exchange;
  const complete = response.writableFinished;
  const fields = {
    id,
    method,
    route,
    status: response.headersSent ? response.statusCode : null,
    ms: Math.round((performance.now() - began) * 10) / 10,
    ...(hostname === null ? {} : { hostname }),
    ...(complete ? {} : { cutOff: true }),
  };
  if (quiet && complete) log.debug('request', fields);
  else log.info('request', fields);
}
