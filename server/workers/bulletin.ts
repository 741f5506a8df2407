import { chmodSync, rmSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer, type Socket } from 'node:net';
import type { Hostname } from '../../protocol/names.ts';
import { packed, wordsOf } from '../http/node-words.ts';
import { addressOf } from '../http/socket-address.ts';
import { etagOf } from '../operations/assign.ts';
import type { Context } from '../operations/context.ts';
import type { FleetSeat } from '../operations/fleet.ts';
import type { Epoch, Kind } from '../operations/standing.ts';
import type { Told } from '../ports/store.ts';
import {
  type Asked,
  accessBy,
  type Bulletin,
  type BulletinRow,
  type BulletinSeat,
  type DoorAccess,
  machineTime,
  onLine,
} from './bulletin-lines.ts';
import { type Edition, editionOf, openEdition } from './edition.ts';
import { openFilesTrace } from './files-trace.ts';

/** Where the head tells doors what polls are answered, and hears from them who asked. */
export interface HeadBulletin {
  listen(): Promise<void>;
  /** What doors need to know, should the same node ask again. */
  answered(request: IncomingMessage): void;
  /** Settles when everything is heard that doors had to say. */
  close(): Promise<void>;
}

const TICK_MS = 25;
/** Doors believe what they were told for a second. */
const REPEAT_MS = 200;
const SEATS_A_TICK = 2_000;
/** A door that has so much to read yet is told the rest when it asks. */
const MOST_UNREAD_BYTES = 16 * 1024 * 1024;
const MOST_TOLD = 10_000;
const PLAIN_POLL = /^\/v1\/nodes\/([a-z0-9.-]+)$/;

interface Reader {
  readonly socket: Socket;
  /** Nodes whose places it has not been told yet. */
  seats: Iterator<FleetSeat> | undefined;
}

export function openBulletin(context: Context, path: string): HeadBulletin {
  const { desk, standing, fleet, time, base, log } = context;
  const readers = new Set<Reader>();
  const trace = openFilesTrace(base);
  const edition = openEdition(editionOf(path));
  const numbers = openNumbers(edition);
  /** Nodes that were told something else since the last tick. */
  const moved = new Set<Hostname>();
  let rows = new Map<number, BulletinRow>();
  let epoch: Epoch | undefined;
  let last = { files: '', at: 0 };

  const tell = (reader: Reader, bulletin: Bulletin): void => {
    reader.socket.write(`${JSON.stringify(bulletin)}\n`);
  };
  const tellAll = (bulletin: Bulletin): void => {
    const line = `${JSON.stringify(bulletin)}\n`;
    for (const { socket } of readers) socket.write(line);
  };

  const accessNow = (): DoorAccess | null => (epoch === undefined ? null : accessBy(epoch.settings));

  const nextEdition = (): void => {
    if (!edition.next()) {
      log.warn('doors cannot be shown that something changed, and ask for everything', { file: editionOf(path) });
      for (const { socket } of readers) socket.destroy();
    }
    fleet.beginEdition(edition.present());
  };

  const begin = (next: Epoch | undefined): void => {
    const keepsSeats = next !== undefined && next.placement === epoch?.placement;
    epoch = next;
    rows = new Map();
    last = { files: '', at: 0 };
    tellAll({ kind: 'epoch', keepsSeats, access: accessNow() });
    if (!keepsSeats) for (const reader of readers) reader.seats = fleet.seats()[Symbol.iterator]();
  };

  const addRows = (now: Epoch): void => {
    const fresh: BulletinRow[] = [];
    for (const kind of now.placement.kinds.values()) if (isNews(kind, now)) fresh.push(...rowOf(kind, now));
    if (fresh.length === 0) return;
    for (const row of fresh) rows.set(row.id, row);
    tellAll({ kind: 'rows', rows: fresh });
  };

  /** An answer that stands may still be told with more reasons. */
  const isNews = ({ id, answer, epoch: of }: Kind, now: Epoch): boolean =>
    of === now && answer !== undefined && rows.get(id)?.told !== numbers.of(answer.told);

  const rowOf = ({ id, answer, epoch: of }: Kind, now: Epoch): BulletinRow[] => {
    if (of !== now || answer === undefined) return [];
    const words = packed(wordsOf(answer, now.settings.poll.afterSeconds));
    return [{ id, told: numbers.given(answer.told), words }];
  };

  const seatsOf = (seats: Iterable<FleetSeat>): Bulletin => {
    const etags: Record<string, string> = {};
    const told: BulletinSeat[] = [];
    for (const seat of seats) {
      if (seat.told === null) continue;
      const number = numbers.of(seat.told);
      etags[number] = etagOf(seat.told);
      told.push([seat.hostname, seat.kind?.id ?? 0, number, seat.running]);
    }
    return { kind: 'seats', etags, seats: told };
  };

  const tellSeats = (): void => {
    const changed = [...moved].flatMap((hostname) => fleet.seat(hostname) ?? []);
    moved.clear();
    if (changed.length > 0) tellAll(seatsOf(changed));
    for (const reader of readers) {
      if (reader.seats === undefined || reader.socket.writableLength > MOST_UNREAD_BYTES) continue;
      const portion = take(reader.seats, SEATS_A_TICK);
      if (portion.length > 0) tell(reader, seatsOf(portion));
      if (portion.length < SEATS_A_TICK) reader.seats = undefined;
    }
  };

  /** What is told stands as of `at`: the files were looked at only after it was seen how they look. */
  const confirm = (files: string, at: number): void => {
    const now = standing.lookAgain();
    const usable = now === undefined || now.hasPrograms ? undefined : now;
    if (usable !== epoch) begin(usable);
    if (usable === undefined) {
      moved.clear();
      return;
    }
    addRows(usable);
    tellSeats();
    if ((files === last.files && at - last.at < REPEAT_MS) || !edition.show()) return;
    last = { files, at };
    tellAll({ kind: 'stands', files, at, leftMs: usable.until - time.now(), edition: edition.present() });
  };

  const tick = (): void => {
    const at = machineTime();
    const files = trace.now();
    // Whoever comes is told of all nodes.
    if (readers.size === 0) moved.clear();
    if (files === undefined || readers.size === 0) return;
    desk.lookAgain();
    confirm(files, at);
  };

  const hear = (line: string): void => {
    const { told, running }: Asked = JSON.parse(line);
    const at = time.now();
    const runningBy = new Map(running);
    for (const [number, names] of Object.entries(told)) {
      const given = numbers.whatWas(Number(number));
      if (given === undefined) continue;
      for (const times of names.split(' ')) {
        const [name = '', count = '1'] = times.split(':');
        const hostname = name as Hostname;
        const runs = (runningBy.get(name) ?? null) as FleetSeat['running'];
        const isOther = fleet.noteLate(
          { hostname, at, running: runs, told: given.told, count: Number(count) },
          given.edition,
        );
        // What one door heard the others don't know; and one that was late does not know what was told since.
        if (isOther || runs !== null) moved.add(hostname);
      }
    }
  };

  const server = createServer((socket) => {
    const reader: Reader = { socket, seats: fleet.seats()[Symbol.iterator]() };
    readers.add(reader);
    context.metrics.doors(readers.size);
    onLine(socket, hear);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      readers.delete(reader);
      context.metrics.doors(readers.size);
    });
    tell(reader, { kind: 'epoch', keepsSeats: false, access: accessNow() });
    tell(reader, { kind: 'rows', rows: [...rows.values()] });
    last = { files: '', at: 0 };
  });
  let timer: NodeJS.Timeout | undefined;
  const endings = [standing.onEpoch(nextEdition), fleet.onMove((hostname) => moved.add(hostname))];

  return {
    async listen() {
      nextEdition();
      rmSync(path, { force: true });
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(addressOf(path), resolve);
      });
      chmodSync(path, 0o600);
      timer = setInterval(tick, TICK_MS);
    },
    answered({ method, url = '' }) {
      const hostname = method === 'GET' ? PLAIN_POLL.exec(url)?.[1] : undefined;
      // There are no end of names that somebody may ask by.
      if (hostname !== undefined && fleet.seat(hostname as Hostname) !== undefined) moved.add(hostname as Hostname);
    },
    async close() {
      clearInterval(timer);
      const closed = new Promise((resolve) => server.close(resolve));
      for (const { socket } of readers) socket.end();
      await closed;
      for (const end of endings) end();
      edition.close();
    },
  };
}

function take<Item>(from: Iterator<Item>, most: number): Item[] {
  const items: Item[] = [];
  while (items.length < most) {
    const next = from.next();
    if (next.done === true) break;
    items.push(next.value);
  }
  return items;
}

/** Numbers for what nodes are told, by which doors say it back. */
function openNumbers(edition: Edition) {
  const numbers = new WeakMap<Told, number>();
  const given = new Map<number, { readonly told: Told; readonly edition: number }>();
  let count = 0;
  const of = (told: Told): number => {
    const known = numbers.get(told) ?? ++count;
    numbers.set(told, known);
    return known;
  };
  return {
    of,
    /** As `of`, for what doors may say that they told. */
    given(told: Told): number {
      const number = of(told);
      if (!given.has(number)) given.set(number, { told, edition: edition.present() });
      for (const oldest of given.keys()) {
        if (given.size <= MOST_TOLD) break;
        given.delete(oldest);
      }
      return number;
    },
    /** Of what doors say that they told: what it was, and the edition that said so. */
    whatWas: (number: number) => given.get(number),
  };
}
