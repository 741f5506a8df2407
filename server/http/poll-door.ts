import type { IncomingMessage, ServerResponse } from 'node:http';
import { HEADERS } from '../../protocol/assignment.ts';
import { type Digest, parseDigest } from '../../protocol/names.ts';
import { asToldBefore } from '../operations/assign.ts';
import type { FleetSeat } from '../operations/fleet.ts';
import type { Door } from './door.ts';
import { namesEtag } from './etag.ts';
import type { Exchanges } from './exchange.ts';
import { wordsOf } from './node-words.ts';
import { nodeRoute } from './routes/node.ts';
import { sendTold } from './send.ts';

const PREFIX = '/v1/nodes/';
const RUNNING = HEADERS.running.toLowerCase();

/**
 * Answers the question that nearly every request is: a host that is known asks for its assignment, and the answer stands.
 * Then there is nothing to decide and nothing to look for but the host, and the answer has been put into words before.
 *
 * It may be this short because it only ever says what the route would say: the route's own answer, which stands until
 * something that decides has changed (`standing.of` looks once a turn of the event loop). Whatever is unusual about a request
 * (a query, another method, another type, a header that cannot be understood, a host that is not known) it leaves to the
 * route, by answering false.
 */
export function openPollDoor(door: Door, exchanges: Exchanges) {
  const { fleet, standing, time, log } = door.context;

  /** Only the name itself, as it is remembered: anything else is found by the route. */
  const seatOf = ({ method, url = '' }: IncomingMessage): FleetSeat | undefined =>
    method === 'GET' && url.startsWith(PREFIX)
      ? fleet.seat(url.slice(PREFIX.length) as FleetSeat['hostname'])
      : undefined;

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const seat = seatOf(request);
    if (seat === undefined) return false;
    const { headers } = request;
    if (headers.accept?.includes('text/') === true) return false;
    const running = runningIn(headers[RUNNING], seat);
    if (running === undefined) return false;
    const answer = standing.of(seat);
    if (answer === undefined) return false;
    const { hostname } = seat;
    const isNews = fleet.note({ hostname, at: time.now(), running, told: answer.told });
    const isKnown = namesEtag(headers['if-none-match'], answer.etag);
    const said = isKnown ? answer : asToldBefore(answer, seat.told);
    const words = wordsOf(said, door.settings().poll.afterSeconds);
    // What is new to a host is logged once its answer is out; that nothing is, nobody wants to read thousands of times an hour.
    const exchange = isNews ? exchanges.begin(request, response) : exchanges.unheard(request);
    exchange.route = nodeRoute.path;
    exchange.hostname = hostname;
    sendTold(response, { kind: 'told', words, hostname, isKnown, isNews }, exchange);
    if (!isNews)
      log.debug('request', {
        id: exchange.id,
        method: 'GET',
        route: nodeRoute.path,
        status: response.statusCode,
        hostname,
      });
    return true;
  };
}

/** What the host says that it runs: null where it says nothing, undefined where that cannot be understood. */
function runningIn(header: string | string[] | undefined, { running }: FleetSeat): Digest | null | undefined {
  if (header === undefined) return null;
  if (header === running) return running;
  return typeof header === 'string' ? parseDigest(header) : undefined;
}
