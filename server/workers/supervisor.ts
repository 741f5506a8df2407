import { setTimeout as delay } from 'node:timers/promises';
import type { Problem } from '../core/problem.ts';
import { soon } from '../http/soon.ts';
import type { Log } from '../ports/common.ts';
import type { Settings } from '../settings/settings.ts';
import { openDeaths } from './deaths.ts';
import type { FromDoor, FromHead, HeadPlace, ToDoor, ToHead } from './messages.ts';
import type { Ended, Part } from './part.ts';

export type Head = Part<ToHead, FromHead>;
export type Door = Part<ToDoor, FromDoor>;

export interface SupervisorOptions {
  readonly startedWith: Pick<Settings, 'listen' | 'workers'>;
  /** How many doors. */
  readonly doors: number;
  readonly log: Log;
  startHead(): Head;
  startDoor(name: string): Door;
}

export type Opening =
  | { readonly kind: 'open'; readonly url: string }
  /** The head has said why, and ended with this code. */
  | { readonly kind: 'ended'; readonly code: number }
  | { readonly kind: 'deaf'; readonly sentence: string; readonly hint: string };

/** Looks after one head and several doors. Answers nobody itself, so that it has nothing to die of. */
export interface Supervisor {
  /** Settles when all doors are open. */
  open(): Promise<Opening>;
  /** Replaces the head, then each door, without anybody noticing. */
  restart(): void;
  /** Requests under way finish; settles when nothing runs any more. */
  stop(): Promise<void>;
  /** Ends everything as a power cut would. */
  kill(): void;
}

/** Beyond the grace of those who connect, for what a process has to write before it ends. */
const ENDING_MS = 10_000;
/** Longer than a door waits for what it has sent. */
const HOLDING_MS = 5_000;
/** While its successor waits, a head does not wait for slow clients: what they get is sent by doors. */
const HEAD_GRACE_SECONDS = 3;

export function createSupervisor(options: SupervisorOptions): Supervisor {
  const { startedWith, log } = options;
  /** Everybody who lives, those included that were told to end. */
  const all = new Set<Head | Door>();
  /** By name, who has each place now. */
  const current = new Map<string, Head | Door>();
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  let place: HeadPlace | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  const deaths = openDeaths((problems) => tellHead(problems));

  const tellHead = (problems: readonly Problem[]): void => {
    for (const part of current.values()) if (!isDoor(part)) part.send({ kind: 'problems', problems });
  };

  /** One thing at a time: what dies while something is replaced waits until that is done. */
  const inTurn = (job: () => Promise<void>): Promise<void> => {
    const done = turn.then(job).catch((error) => log.error('a process could not be looked after', { error }));
    turn = done;
    return done;
  };

  const started = <One extends Head | Door>(part: One): One => {
    all.add(part);
    void part.ended.then(() => all.delete(part));
    return part;
  };

  /** Gives a process its place, and starts another one there when it dies. */
  const keep = (part: Head | Door): void => {
    current.set(part.name, part);
    void part.ended.then(async (end) => {
      if (part.isDismissed() || isStopping()) return;
      const pauseMs = deaths.noted(part.name, end);
      log.error(`the ${part.name} ended unexpectedly and is started again`, { ...howEnded(end), pauseMs });
      await delay(pauseMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      await inTurn(async () => {
        if (isStopping() || current.get(part.name) !== part) return;
        if (isDoor(part)) await openDoor(part.name, keep);
        else await openHead();
      });
    });
  };

  const openHead = async (): Promise<void> => {
    const next = started(options.startHead());
    keep(next);
    await begin(next);
  };

  /** Nobody else may have the store any more. Answers whether the head is ready. */
  const begin = async (next: Head): Promise<boolean> => {
    next.send({ kind: 'begin', startedWith });
    next.send({ kind: 'problems', problems: deaths.problems() });
    const ready = await next.heard('ready');
    if (ready === undefined) return false;
    place = ready.at;
    for (const part of all) if (isDoor(part)) part.send({ kind: 'go', at: ready.at });
    return true;
  };

  /** `known` is told of the process before it hears. */
  const openDoor = async (name: string, known: (door: Door) => void = () => undefined): Promise<Opened | undefined> => {
    if (place === undefined || isStopping()) return undefined;
    const door = started(options.startDoor(name));
    known(door);
    door.send({ kind: 'open', listen: startedWith.listen, at: place });
    const said = await door.heard('open', 'deaf');
    return said === undefined ? undefined : { door, said };
  };

  const replaceHead = async (): Promise<void> => {
    const found = current.get(HEAD);
    const old = found === undefined || isDoor(found) ? undefined : found;
    const next = started(options.startHead());
    if ((await next.heard('loaded')) === undefined) {
      log.error('a new head could not be started: the old one goes on', howEnded(await next.ended));
      return;
    }
    // A fetch or a tag may take longer than anybody would wait for an answer: nobody has to, as long as it goes on.
    old?.send({ kind: 'rest' });
    await old?.heard('resting');
    if (isStopping()) return;
    await Promise.all([...all].filter(isDoor).map(holding));
    old?.dismiss();
    old?.send({ kind: 'stop', graceSeconds: HEAD_GRACE_SECONDS });
    if (old !== undefined) await gone(old, HEAD_GRACE_SECONDS);
    if (isStopping()) return;
    keep(next);
    await begin(next);
  };

  const replaceDoor = async (name: string): Promise<void> => {
    if (isStopping()) return;
    const old = current.get(name);
    const opened = await openDoor(name);
    if (opened?.said.kind !== 'open') {
      log.error(`a new ${name} could not be opened: the old one goes on`);
      return;
    }
    old?.dismiss();
    keep(opened.door);
    if (old !== undefined && isDoor(old))
      old.send({ kind: 'retire', idleSeconds: place?.settings.stop.graceSeconds ?? 0 });
  };

  const restarting = soon(
    () =>
      inTurn(async () => {
        if (isStopping()) return;
        log.info('restarting one process after the other');
        await replaceHead();
        for (const name of current.keys()) if (name !== HEAD) await replaceDoor(name);
        log.info('restarted');
      }),
    (error) => log.error('the restart failed', { error }),
  );

  const openAll = async (): Promise<Opening> => {
    const first = started(options.startHead());
    current.set(HEAD, first);
    if (!(await begin(first))) return { kind: 'ended', code: (await first.ended).code ?? 1 };
    keep(first);
    const names = Array.from({ length: options.doors }, (_, index) => `door ${index + 1}`);
    // The first one alone: whether anything can be heard at the address needs to be told once.
    const opened = [await openDoor(names.shift() ?? '')];
    if (opened[0]?.said.kind === 'open') opened.push(...(await Promise.all(names.map((name) => openDoor(name)))));
    return openingOf(opened, keep);
  };

  return {
    async open() {
      let opening: Opening = { kind: 'ended', code: 1 };
      await inTurn(async () => {
        opening = await openAll();
      });
      return opening;
    },
    restart: restarting.ask,
    async stop() {
      stopping.abort();
      const graceSeconds = place?.settings.stop.graceSeconds ?? 0;
      const doors = [...all].filter(isDoor);
      for (const door of doors) door.send({ kind: 'stop', graceSeconds });
      await Promise.all(doors.map((door) => gone(door, graceSeconds)));
      for (const part of all) part.send({ kind: 'stop', graceSeconds });
      await Promise.all([...all].map((part) => gone(part, graceSeconds)));
    },
    kill() {
      for (const part of all) part.kill();
    },
  };
}

interface Opened {
  readonly door: Door;
  readonly said: Exclude<Opening, { kind: 'ended' }>;
}

/** Keeps the doors where all of them are open. */
function openingOf(opened: readonly (Opened | undefined)[], keep: (door: Door) => void): Opening {
  let opening: Opening = { kind: 'ended', code: 1 };
  for (const one of opened) {
    if (one?.said.kind !== 'open') return one?.said ?? { kind: 'ended', code: 1 };
    opening = one.said;
  }
  for (const one of opened) if (one !== undefined) keep(one.door);
  return opening;
}

export const HEAD = 'head';

function isDoor(part: Head | Door): part is Door {
  return part.name !== HEAD;
}

/** Settles when a door sends nothing more to the head; one that does not say so is not waited for. */
async function holding(door: Door): Promise<void> {
  door.send({ kind: 'hold' });
  await Promise.race([door.heard('holding'), delay(HOLDING_MS, undefined, { ref: false })]);
}

/** Settles when a process that was told to end has ended, as it should or not. */
async function gone(part: Head | Door, graceSeconds: number): Promise<void> {
  const timer = setTimeout(part.kill, graceSeconds * 1000 + ENDING_MS);
  await part.ended;
  clearTimeout(timer);
}

function howEnded({ code, signal }: Ended): { readonly how: string } {
  return { how: signal ?? `exit code ${code ?? 'unknown'}` };
}
