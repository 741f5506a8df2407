import type { IncomingMessage, ServerResponse } from 'node:http';
import { HEADERS } from '../../protocol/assignment.ts';
import { type Digest, parseDigest } from '../../protocol/names.ts';
import { asToldBefore, etagOf, type StandingAnswer } from '../operations/assign.ts';
import type { FleetSeat } from '../operations/fleet.ts';
import type { Door } from './door.ts';
import { namesEtag } from './etag.ts';
import type { Exchanges } from './exchange.ts';
import { mayPoll } from './guard.ts';
import { wordsOf } from './node-words.ts';
import { peerOf } from './peer.ts';
import { nodeRoute } from './routes/node.ts';
import { sendTold, sendUnchanged } from './send.ts';

const PREFIX = '/v1/nodes/';
const RUNNING = HEADERS.running.toLowerCase();

/**
 * Answers the question that nearly every request is: a host that is known asks for its assignment, and the answer stands.
 * Then there is nothing to decide and nothing to look for but the host, and the answer has been put into words before.
 *
 * It may be this short because it only ever says what the route would say: the route's own answer, which stands until
 * something that decides has changed (`standing.epoch` sees that within 15 ms). Whatever is unusual about a request
 * (a query, another method, another type, a header that cannot be understood, a host that is not known or has not shown who it
 * is) it leaves to the route, by answering false.
 */
export function openPollDoor(door: Door, exchanges: Exchanges) {
  const { fleet, standing, log } = door.context;

  /** Only the name itself, as it is remembered: anything else is found by the route. */
  const seatOf = ({ method, url = '' }: IncomingMessage): FleetSeat | undefined =>
    method === 'GET' && url.startsWith(PREFIX)
      ? fleet.seat(url.slice(PREFIX.length) as FleetSeat['hostname'])
      : undefined;

  return (request: IncomingMessage, response: ServerResponse): boolean => {
    const seat = seatOf(request);
    const epoch = standing.epoch();
    if (seat === undefined || epoch === undefined) return false;
    if (!mayPoll(door.callers, request, seat.hostname)) return false;
    const { headers } = request;
    if (mayWantText(headers.accept)) return false;
    const running = runningIn(headers[RUNNING], seat);
    const answer = standing.of(seat, epoch);
    if (running === undefined || answer === undefined) return false;
    const { hostname } = seat;
    // Said by the route, which counts it no more.
    if (door.limits.node(peerOf(request, door.settings().http.trustProxy), hostname) !== undefined) return false;
    const { afterSeconds } = epoch.settings.poll;
    const isKnown = namesEtag(headers['if-none-match'], answer.etag);
    const words = wordsOf(isKnown ? answer : asToldBefore(answer, seat.told), afterSeconds);
    if (isKnown && words.unchanged !== null && wasTold(seat, answer)) {
      fleet.noteAgain(seat, running, standing.now());
      sendUnchanged(response, words.unchanged, hostname);
      log.debug('request', { method: 'GET', route: nodeRoute.path, status: 304, hostname });
      return true;
    }
    const isNews = fleet.note({ hostname, at: standing.now(), running, told: answer.told });
    const exchange = exchanges.begin(request, response);
    exchange.route = nodeRoute.path;
    exchange.hostname = hostname;
    sendTold(response, { kind: 'told', words, hostname, isKnown, isNews }, exchange);
    return true;
  };
}

function wasTold({ told }: FleetSeat, answer: StandingAnswer): boolean {
  return told !== null && (told === answer.told || etagOf(told) === answer.etag);
}

/** Whether the route has to find out which type somebody wants: what is ready is JSON. */
export function mayWantText(accept: string | undefined): boolean {
  return accept !== undefined && accept !== '*/*' && /text\/|[*;]/i.test(accept);
}

/** What the host says that it runs: null where it says nothing, undefined where that cannot be understood. */
export function runningIn(
  header: string | string[] | undefined,
  { running }: Pick<FleetSeat, 'running'>,
): Digest | null | undefined {
  if (header === undefined) return null;
  if (header === running) return running;
  return typeof header === 'string' ? parseDigest(header) : undefined;
}
