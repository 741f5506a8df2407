import { schedule } from 'node-cron';
import type { Problem } from '../core/problem.ts';
import { followEpoch } from '../operations/answer.ts';
import type { Context } from '../operations/context.ts';
import { fetchSource } from '../operations/fetch.ts';
import { refreshHaltProblems } from '../operations/halt.ts';
import { logChain } from '../operations/log-chain.ts';
import { startNotifying } from '../operations/notify.ts';
import { programProblems } from '../operations/program-problems.ts';
import { dropContent, pruneTags } from '../operations/prune.ts';
import { pruneHistory } from '../operations/prune-history.ts';
import { refreshShelf, refreshTagProblems } from '../operations/refresh-shelf.ts';
import { tagCurrentHour } from '../operations/snapshot.ts';
import { lookAtExpiry, refreshCredentialProblems } from '../operations/tokens-problems.ts';
import { noteArrivals } from '../operations/wave-arrivals.ts';
import { settingsNeedingRestart } from '../settings/restart.ts';
import type { Settings } from '../settings/settings.ts';
import { type Sequence, sequence } from './sequence.ts';

const LOOK_MS = 25;
const SECOND_MS = 1_000;

export interface Timetable {
  /** Begins no job any more and waits for the one that runs; what is changed by hand is still seen. */
  rest(): Promise<void>;
  /** Stops the jobs and waits for the one that runs. */
  stop(): Promise<void>;
}

/** What the server does by the clock. On the hour a tag; once a minute it is checked that the current hour has one. */
export function startTimetable(context: Context, atStart: Settings): Timetable {
  const repository = sequence((name, error) => context.log.error(`${name} failed`, { reason: String(error) }));
  const look = lookout(context, atStart);
  const hourly = schedule('0 * * * *', () => repository.run('hourly tag', () => tagCurrentHour(context)), {
    timezone: 'UTC',
  });
  const minutely = schedule('* * * * *', () => repository.run('minute check', () => minuteCheck(context)), {
    timezone: 'UTC',
  });
  const daily = schedule('20 3 * * *', () => cleanUp(context, repository), { timezone: 'UTC' });
  const timers = [setInterval(look, LOOK_MS), setInterval(() => everySecond(context), SECOND_MS)];
  const polling = pollSource(context, repository.run);
  const notifying = startNotifying(context);
  repository.run('first check', () => minuteCheck(context));
  void logChain(context);

  const rest = async (): Promise<void> => {
    for (const task of [hourly, minutely, daily]) await task.stop();
    polling.stop();
    await notifying.stop();
    await repository.idle();
  };
  return {
    rest,
    async stop() {
      for (const timer of timers) clearInterval(timer);
      await rest();
    },
  };
}

/** Wakes those who wait when a control file took effect, the hour changed or a pin began or ended. */
function lookout(context: Context, atStart: Settings): () => void {
  let last: unknown;
  let hour = 0;
  let epoch: unknown;
  const follow = following(context);
  return () => {
    follow();
    const state = context.desk.look();
    const now = Math.floor(context.time.now() / 3_600_000);
    const present = context.standing.epoch();
    if (state === last && now === hour && present === epoch) return;
    if (state !== last && state.kind === 'ready') {
      context.programs.forget();
      context.problems.set('control files', [
        ...state.controls.problems,
        ...restartProblems(atStart, state.controls.settings),
      ]);
      refreshTagProblems(context);
      refreshHaltProblems(context);
    }
    last = state;
    hour = now;
    epoch = present;
    context.changes.announce();
  };
}

/** Sees to it that what nodes get is worked out before they ask. */
function following(context: Context): () => void {
  return () => {
    followEpoch(context).catch((error) => context.log.error('what nodes get cannot be worked out ahead', { error }));
  };
}

/** Once a minute: the clock, the tag of the hour, and what can only be noticed by looking. */
export async function minuteCheck(context: Context): Promise<void> {
  context.time.check();
  context.problems.set('clock', context.time.problems());
  await tagCurrentHour(context);
  refreshTagProblems(context);
  refreshHaltProblems(context);
  await lookAtExpiry(context);
}

/** Repacking takes long in a large repository: no tag waits for it. */
async function cleanUp(context: Context, repository: Sequence): Promise<void> {
  await repository.run('clean-up', async () => {
    await pruneTags(context);
    await pruneHistory(context);
    await logChain(context);
  });
  await dropContent(context).catch((error) => context.log.error('clean-up failed', { reason: String(error) }));
}

/** Writes what was noted, and notices failing programs and tags that another process made. */
function everySecond(context: Context): void {
  context.problems.set('store', storeProblems(context.store.trouble()));
  context.problems.set('programs', programProblems(context));
  context.problems.set('fleet', fleetProblems(context));
  refreshCredentialProblems(context);
  context.tlsFiles?.look();
  context.problems.set('tls', context.tlsFiles?.problems() ?? []);
  context.refusals.flush();
  void context.fleet.flush();
  void noteArrivals(context).catch((error) =>
    context.log.error('which waves have arrived cannot be found out', { reason: String(error) }),
  );
  void refreshShelf(context).catch((error) =>
    context.log.error('the repository cannot be read', { reason: String(error) }),
  );
}

function fleetProblems({ fleet }: Context): Problem[] {
  const turnedAway = fleet.turnedAway();
  if (turnedAway === 0) return [];
  const sentence = `more hosts ask than are remembered (fleet.most_nodes): ${turnedAway} times one was answered that is not listed`;
  const hint = 'raise fleet.most_nodes where the fleet is that large; else find out who asks under made-up names';
  return [{ id: 'fleet:full', severity: 'warning', sentence, hint }];
}

/** Some settings are read once, when the server starts. */
function restartProblems(atStart: Settings, now: Settings): Problem[] {
  const keys = settingsNeedingRestart(atStart, now);
  if (keys.length === 0) return [];
  const sentence = `server.yml changed ${keys.join(', ')}, which ${keys.length === 1 ? 'counts' : 'count'} from the next start on`;
  return [{ id: 'server.yml:restart', severity: 'warning', sentence, hint: 'restart the server', file: 'server.yml' }];
}

function storeProblems(trouble: string | null): Problem[] {
  if (trouble === null) return [];
  const hint =
    'decisions do not need the history; make the file usable, or take away what was set aside once you have looked';
  return [{ id: 'history:trouble', severity: 'warning', sentence: trouble, hint }];
}

/** Fetches every `repo.poll_seconds`, as the setting stands when the last fetch ended. */
function pollSource(
  context: Context,
  run: (name: string, job: () => Promise<unknown>) => Promise<void>,
): { stop(): void } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  const again = (): void => {
    if (stopped) return;
    const state = context.desk.look();
    const seconds = state.kind === 'ready' ? state.controls.settings.repo.pollSeconds : 60;
    timer = setTimeout(() => void run('fetch', () => fetchSource(context)).then(again), seconds * 1000);
  };
  again();
  return {
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
