import type { Socket } from 'node:net';
import type { PackedWords } from '../http/node-words.ts';
import type { Settings } from '../settings/settings.ts';

/** What the head tells the doors, so that they can answer polls by themselves. One JSON value a line. */
export type Bulletin =
  /** What stood before does not any more, but for the places of nodes where `keepsSeats`. `access`: null where nothing stands. */
  | { readonly kind: 'epoch'; readonly keepsSeats: boolean; readonly access: DoorAccess | null }
  /** What nodes of these kinds are answered. */
  | { readonly kind: 'rows'; readonly rows: readonly BulletinRow[] }
  /** Of which kind nodes are (0: of none, the head is to be asked), what they were told last, and what they run. */
  | {
      readonly kind: 'seats';
      readonly etags: Readonly<Record<string, string>>;
      readonly seats: readonly BulletinSeat[];
    }
  /** All of it stands as long as the files look so, and this is the edition. */
  | {
      readonly kind: 'stands';
      readonly files: string;
      readonly at: number;
      readonly leftMs: number;
      readonly edition: number;
    };

/** By which settings a door lets hosts in. */
export interface DoorAccess {
  readonly auth: Pick<Settings['auth'], 'nodes'>;
  readonly http: Pick<Settings['http'], 'trustProxy'>;
  readonly limits: Settings['limits'];
}

export function accessBy({ auth, http, limits }: Settings): DoorAccess {
  return { auth: { nodes: auth.nodes }, http: { trustProxy: http.trustProxy }, limits };
}

export interface BulletinRow {
  readonly id: number;
  /** The number of what they are told. */
  readonly told: number;
  readonly words: PackedWords;
}

export type BulletinSeat = readonly [hostname: string, kind: number, told: number, running: string | null];

/** Who asked at a door and was told what, by its number: `web1.example.com db1.example.com:3` (three times); `running`: what they said that they run, where that was news. */
export interface Asked {
  readonly told: Readonly<Record<string, string>>;
  /** Not by name: a host may be called `constructor`. */
  readonly running: readonly (readonly [hostname: string, digest: string])[];
}

/** Milliseconds by a clock that all processes of a machine have in common, and that nobody sets. */
export function machineTime(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

/** Calls back for each line, whole. */
export function onLine(socket: Socket, listener: (line: string) => void): void {
  let rest = '';
  socket.setEncoding('utf8');
  socket.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) listener(line);
  });
}
