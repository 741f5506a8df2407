import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { HEADERS } from '../../protocol/assignment.ts';
import type { Digest, Hostname } from '../../protocol/names.ts';
import { namesEtag } from '../http/etag.ts';
import type { Exchanges } from '../http/exchange.ts';
import { mayPoll } from '../http/guard.ts';
import { openLimits } from '../http/limits.ts';
import { unpacked, type Words } from '../http/node-words.ts';
import { peerOf } from '../http/peer.ts';
import { mayWantText, runningIn } from '../http/poll-door.ts';
import type { FailureReply } from '../http/reply.ts';
import { sendTold, sendUnchanged } from '../http/send.ts';
import { addressOf } from '../http/socket-address.ts';
import type { Clock, Log } from '../ports/common.ts';
import type { KnownCredentials } from '../ports/credentials.ts';
import { type Asked, type Bulletin, type DoorAccess, machineTime, onLine } from './bulletin-lines.ts';
import { editionOf, type SeenEdition, seeEdition } from './edition.ts';
import type { FilesTrace } from './files-trace.ts';

/** What a door answers by itself: polls to which the head's answer stands. */
export interface Replica {
  /** Why a request is too many, whoever is to answer it. */
  tooMany(request: IncomingMessage): FailureReply | undefined;
  /** Answers a poll, or false where the head is to be asked. */
  answered(request: IncomingMessage, response: ServerResponse): boolean;
  /** Hears from the head that has this bulletin. */
  follow(path: string): void;
  /** Tells the head at once who asked. */
  tell(): void;
  /** Something is being changed until what this returns is called: what the head said before may not stand any more. */
  doubt(): () => void;
  /** Answers nothing more by itself. Settles when the head has heard who asked. */
  leave(): Promise<void>;
}

export interface ReplicaPorts {
  readonly files: FilesTrace;
  readonly exchanges: Exchanges;
  readonly log: Log;
  readonly clock: Clock;
  readonly credentials: KnownCredentials;
  /** As the head began with them; what it says later counts. */
  readonly access: DoorAccess;
  /** How many nodes are remembered at most. */
  readonly mostNodes: number;
}

interface Row {
  readonly told: number;
  readonly words: Words;
}

interface Seat {
  kind: number;
  told: number;
  /** Of what it was told last. */
  etag: string;
  running: Digest | null;
}

/** What the head has not confirmed for so long may not stand any more. */
const BELIEVED_MS = 1_000;
/** Who asked is told to the head at most so much later. */
const TELL_MS = 250;
/** And so much later who was told something else than before, or runs something else: what it reports next is judged by it. */
const TELL_NEWS_MS = 10;
const LEAVING_MS = 1_000;
const PREFIX = '/v1/nodes/';
const ROUTE = '/v1/nodes/:hostname';
const RUNNING = HEADERS.running.toLowerCase();

export function openReplica(ports: ReplicaPorts): Replica {
  const { files, exchanges, log, mostNodes, clock, credentials } = ports;
  let access = ports.access;
  const callers = { credentials, now: clock.now, settings: () => access };
  const limits = openLimits({ settings: () => access, monotonic: clock.monotonic });
  const seats = new Map<string, Seat>();
  const rows = new Map<number, Row>();
  let stands: Extract<Bulletin, { kind: 'stands' }> | undefined;
  let edition: SeenEdition | undefined;
  let socket: Socket | undefined;
  /** Of the head that is followed. */
  let bulletin: string | undefined;
  let asked = newlyAsked();
  let telling: NodeJS.Timeout | undefined;
  let tellsNews = false;
  let hasLooked = false;
  let isStanding = false;
  let doubts = 0;
  let doubtedAt = Number.NEGATIVE_INFINITY;

  /** Looked up once a turn of the event loop: what is asked in one turn is asked at once. */
  const allStands = (): boolean => {
    if (doubts > 0) return false;
    if (hasLooked) return isStanding;
    hasLooked = true;
    setImmediate(() => {
      hasLooked = false;
    });
    isStanding = lookWhetherAllStands();
    return isStanding;
  };

  const lookWhetherAllStands = (): boolean => {
    if (stands === undefined || stands.at <= doubtedAt) return false;
    const old = machineTime() - stands.at;
    if (old >= BELIEVED_MS || old >= stands.leftMs || files.now() !== stands.files) return false;
    // The files may look as before, and somebody was told meanwhile what followed from how they looked in between.
    return edition?.present() === stands.edition;
  };

  const hear = (said: Bulletin): void => {
    switch (said.kind) {
      case 'epoch':
        rows.clear();
        stands = undefined;
        isStanding = false;
        if (!said.keepsSeats) seats.clear();
        if (said.access !== null) access = said.access;
        return;
      case 'rows':
        for (const { id, told, words } of said.rows) rows.set(id, { told, words: unpacked(words) });
        return;
      case 'seats':
        for (const [hostname, kind, told, running] of said.seats) {
          const etag = said.etags[told];
          if (kind === 0 || etag === undefined || (seats.size >= mostNodes && !seats.has(hostname)))
            seats.delete(hostname);
          else seats.set(hostname, { kind, told, etag, running: running as Digest | null });
        }
        return;
      case 'stands':
        stands = said;
        return;
      default:
        said satisfies never;
    }
  };

  const tell = (): void => {
    clearTimeout(telling);
    telling = undefined;
    tellsNews = false;
    if (asked.isEmpty() || socket === undefined) return;
    socket.write(`${JSON.stringify(asked.lines())}\n`);
    asked = newlyAsked();
  };

  const note = (hostname: string, seat: Seat, row: Row, running: Digest | null): void => {
    const runsOther = running !== null && running !== seat.running;
    asked.add(hostname, row.told, runsOther ? running : null);
    if (runsOther) seat.running = running;
    const isNews = seat.etag !== row.words.etag;
    // To be told again what it has does not begin anew: it stays the answer that it was.
    if (isNews) {
      seat.told = row.told;
      seat.etag = row.words.etag;
    }
    if (isNews || runsOther) tellNewsSoon();
    telling ??= setTimeout(tell, TELL_MS);
  };

  const tellNewsSoon = (): void => {
    if (tellsNews) return;
    clearTimeout(telling);
    telling = setTimeout(tell, TELL_NEWS_MS);
    tellsNews = true;
  };

  /** What was told goes by numbers of the head that is left. */
  const forget = (): void => {
    asked = newlyAsked();
    rows.clear();
    seats.clear();
    stands = undefined;
    isStanding = false;
    edition?.close();
    edition = undefined;
  };

  const follow = (path: string): void => {
    tell();
    socket?.end();
    forget();
    bulletin = path;
    const own = connect(addressOf(path));
    socket = own;
    own.once('connect', () => {
      if (socket === own) edition = seeEdition(editionOf(path));
    });
    onLine(own, (line) => {
      if (socket === own) hear(JSON.parse(line) as Bulletin);
    });
    own.on('error', () => own.destroy());
    own.once('close', () => {
      if (socket !== own) return;
      socket = undefined;
      forget();
      // Everything is asked of the head meanwhile, as soon as there is one.
      setTimeout(() => {
        if (socket === undefined && bulletin === path) follow(path);
      }, BELIEVED_MS).unref();
    });
  };

  return {
    tooMany: limits.address,
    answered(request, response) {
      const { method, url = '', headers } = request;
      if (method !== 'GET' || !url.startsWith(PREFIX) || !allStands()) return false;
      const hostname = url.slice(PREFIX.length);
      const seat = seats.get(hostname);
      const row = seat === undefined ? undefined : rows.get(seat.kind);
      if (seat === undefined || row === undefined || mayWantText(headers.accept)) return false;
      const running = runningIn(headers[RUNNING], seat);
      if (running === undefined || !mayPoll(callers, request, hostname)) return false;
      const { words } = row;
      const ifNoneMatch = headers['if-none-match'];
      const isKnown = words.unchanged !== null && namesEtag(ifNoneMatch, words.etag);
      const isNews = seat.etag !== words.etag;
      // Only where it is certain what the node was told last: the same answer keeps the words with which it began.
      const isCertain = isNews ? ifNoneMatch === seat.etag : seat.told === row.told;
      if (!isKnown && !isCertain) return false;
      // Said by the head, which counts for itself.
      if (limits.node(peerOf(request, access.http.trustProxy), hostname as Hostname) !== undefined) return false;
      if (isKnown && !isNews && words.unchanged !== null) {
        sendUnchanged(response, words.unchanged, hostname as Hostname);
        log.debug('request', { method: 'GET', route: ROUTE, status: 304, hostname });
      } else {
        const exchange = exchanges.begin(request, response);
        exchange.route = ROUTE;
        exchange.hostname = hostname;
        sendTold(response, { kind: 'told', words, hostname: hostname as Hostname, isKnown, isNews }, exchange);
      }
      note(hostname, seat, row, running);
      return true;
    },
    follow,
    tell,
    doubt() {
      doubts++;
      return () => {
        doubts--;
        doubtedAt = machineTime();
        isStanding = false;
      };
    },
    async leave() {
      const own = socket;
      tell();
      forget();
      socket = undefined;
      bulletin = undefined;
      if (own === undefined || own.destroyed) return;
      const timer = setTimeout(() => own.destroy(), LEAVING_MS);
      await new Promise((resolve) => {
        own.once('close', resolve);
        own.end();
      });
      clearTimeout(timer);
    },
  };
}

/** Who asked since the head was told last: each host once for each thing that it was told, with how many times. */
function newlyAsked() {
  const byTold = new Map<number, Map<string, number>>();
  const running = new Map<string, Digest>();
  return {
    add(hostname: string, told: number, runs: Digest | null): void {
      const times = byTold.get(told) ?? new Map<string, number>();
      byTold.set(told, times.set(hostname, (times.get(hostname) ?? 0) + 1));
      if (runs !== null) running.set(hostname, runs);
    },
    isEmpty: () => byTold.size === 0,
    lines: (): Asked => ({
      told: Object.fromEntries([...byTold].map(([told, times]) => [told, timesLine(times)])),
      running: [...running],
    }),
  };
}

function timesLine(times: ReadonlyMap<string, number>): string {
  return [...times].map(([hostname, count]) => (count === 1 ? hostname : `${hostname}:${count}`)).join(' ');
}
