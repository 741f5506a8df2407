import { setTimeout as delay } from 'node:timers/promises';
import { TOPICS, type Topic } from '../../protocol/api/train.ts';
import { topicsOf } from '../core/topics.ts';
import type { News } from '../ports/store.ts';
import type { Context } from './context.ts';
import type { DeskState } from './desk.ts';

/** Tells those who look on what is worth asking for again. */
export interface Live {
  /** Something that no event tells of is there now. */
  poke(topic: Topic): void;
  /** Calls back at most once a second. Nothing is looked at while nobody follows. */
  follow(context: Context, listener: Listener): Following;
  followers(): number;
}

export interface Following {
  /** Settles when whatever happens from then on is told. */
  readonly begun: Promise<void>;
  leave(): void;
}

type Listener = (topics: readonly Topic[]) => void;

/** For all who look on at the same time. */
interface Watch {
  readonly begun: Promise<void>;
  readonly over: AbortController;
}

const SECOND_MS = 1_000;
/** A history that does not answer keeps nobody waiting: when it does, everything is worth asking for again. */
const PATIENCE_MS = 5_000;
const MINUTE_MS = 60_000;
/** Announcements come in flocks. */
const PAUSE_MS = 50;
/** Where no event can be read, what nodes do is not known: so many looks pass until they are asked for all the same. */
const LOOKS_IN_THE_DARK = 5;

export function openLive(): Live {
  const listeners = new Set<Listener>();
  const poked = new Set<Topic>();
  let watch: Watch | undefined;
  let wake = (): void => undefined;

  const begin = (context: Context): Watch => {
    const over = new AbortController();
    const { signal } = over;
    const looking = lookout(context);
    const late = delay(PATIENCE_MS, true, { signal, ref: false }).catch(() => true);
    const isLate = Promise.race([looking.then(() => false), late]);
    Promise.all([looking, isLate])
      .then(([look, missedSome]) => {
        if (missedSome) for (const topic of TOPICS) poked.add(topic);
        return tell(context, look, signal);
      })
      .catch((error) => {
        context.log.error('what changes cannot be told', { error });
        if (watch?.over === over) watch = undefined;
      });
    const begun = isLate.then(() => undefined);
    // Said above, also where nobody waits for it any more.
    begun.catch(() => undefined);
    return { over, begun };
  };

  const tell = async (context: Context, look: Look, signal: AbortSignal): Promise<void> => {
    let notBefore = 0;
    while (!signal.aborted) {
      await announced(context, signal, (woken) => {
        wake = woken;
      });
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      for (const topic of await look().catch(unknown(context))) poked.add(topic);
      if (poked.size === 0 || signal.aborted) continue;
      // What comes meanwhile comes along.
      await delay(Math.max(0, notBefore - performance.now()), undefined, { signal }).catch(() => undefined);
      const topics = TOPICS.filter((topic) => poked.has(topic));
      poked.clear();
      notBefore = performance.now() + SECOND_MS;
      for (const listener of [...listeners]) listener(topics);
    }
  };

  return {
    followers: () => listeners.size,
    poke(topic) {
      if (watch === undefined) return;
      poked.add(topic);
      wake();
    },
    follow(context, listener) {
      listeners.add(listener);
      watch ??= begin(context);
      const leave = (): void => {
        listeners.delete(listener);
        if (listeners.size > 0) return;
        watch?.over.abort();
        watch = undefined;
        poked.clear();
      };
      return { begun: watch.begun, leave };
    },
  };
}

/** What cannot be looked at may have changed. */
function unknown({ log }: Context): (error: unknown) => readonly Topic[] {
  return (error) => {
    log.error('what has changed is not known', { error });
    return TOPICS;
  };
}

/** Settles at the next announcement, when somebody wakes it, or after a second. */
async function announced(context: Context, over: AbortSignal, onWaiting: (wake: () => void) => void): Promise<void> {
  const enough = new AbortController();
  const end = (): void => enough.abort();
  onWaiting(end);
  const timer = setTimeout(end, SECOND_MS);
  over.addEventListener('abort', end, { once: true });
  if (over.aborted) end();
  await context.changes.next(enough.signal);
  clearTimeout(timer);
  over.removeEventListener('abort', end);
}

type Look = () => Promise<ReadonlySet<Topic>>;

/** What differs from one look to the next: by the events that were recorded, whoever did it, and by what is in effect. */
async function lookout(context: Context): Promise<Look> {
  let news = await newsAfter(context, { event: Number.MAX_SAFE_INTEGER, run: 0 });
  let seen = sight(context);
  let inTheDark = 0;
  return async () => {
    const topics = new Set<Topic>();
    const add = (...some: readonly Topic[]): void => {
      for (const topic of some) topics.add(topic);
    };
    const now = sight(context);
    add(...differences(seen, now));
    seen = now;
    const fresh = await newsAfter(context, news ?? { event: Number.MAX_SAFE_INTEGER, run: 0 });
    inTheDark = fresh === undefined ? inTheDark + 1 : 0;
    if (inTheDark % LOOKS_IN_THE_DARK === 1) add('map', 'nodes');
    // History that was lost begins anew, and what one has not seen begin may tell of anything.
    const isAnother = fresh !== undefined && (news === undefined || fresh.event < news.event);
    if (isAnother) add(...TOPICS);
    for (const kind of fresh?.kinds ?? []) add(...topicsOf(kind));
    if (fresh?.hasNewRuns) add('map', 'nodes');
    news = fresh ?? news;
    return topics;
  };
}

async function newsAfter({ fleet, store }: Context, last: Pick<News, 'event' | 'run'>): Promise<News | undefined> {
  try {
    await fleet.flush();
    return await store.newsSince(last);
  } catch {
    return undefined;
  }
}

interface Sight {
  readonly desk: DeskState;
  readonly shelf: object;
  readonly epoch: unknown;
  readonly problems: string;
  readonly minute: number;
}

function sight({ desk, shelf, standing, problems, time }: Context): Sight {
  return {
    desk: desk.last(),
    shelf: shelf.current().tags,
    epoch: standing.epoch(),
    problems: problems
      .standing()
      .map(({ id, sentence }) => `${id} ${sentence}`)
      .join('\n'),
    minute: Math.floor(time.now() / MINUTE_MS),
  };
}

function differences(before: Sight, now: Sight): Topic[] {
  const topics: Topic[] = [];
  if (before.desk !== now.desk) topics.push(...deskDifferences(before.desk, now.desk));
  if (before.shelf !== now.shelf) topics.push('map', 'tags', 'nodes');
  if (before.epoch !== now.epoch) topics.push('map', 'nodes');
  if (before.problems !== now.problems) topics.push('problems', 'map');
  // Nodes fall silent by saying nothing; a tag that lay ahead may be that of this hour.
  if (before.minute !== now.minute) topics.push('map', 'nodes');
  if (Math.floor(before.minute / 60) !== Math.floor(now.minute / 60)) topics.push('tags');
  return topics;
}

function deskDifferences(before: DeskState, now: DeskState): Topic[] {
  if (before.kind !== 'ready' || now.kind !== 'ready') return [...TOPICS];
  const [was, is] = [before.controls, now.controls];
  const topics: Topic[] = [];
  if (was.killswitch !== is.killswitch) topics.push('killswitch', 'map', 'nodes');
  if (was.marks !== is.marks) topics.push('map', 'tags', 'nodes');
  if (was.schedule !== is.schedule || was.settings !== is.settings) topics.push('settings', 'map', 'tags', 'nodes');
  if (was.nodes !== is.nodes || was.nodeGroups !== is.nodeGroups || was.pins !== is.pins) topics.push('nodes');
  return topics;
}
