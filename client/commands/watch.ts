import { setTimeout as sleep } from 'node:timers/promises';
import { identify } from '../adapters/identity.ts';
import { localSigns } from '../adapters/local-signs.ts';
import { askWhenChanged, type Heard } from '../adapters/long-poll.ts';
import { readState } from '../adapters/read-state.ts';
import { shown } from '../adapters/servers.ts';
import type { WakeSignal } from '../adapters/wake-signal.ts';
import { LATER, type Question } from '../core/answer.ts';
import { sentenceOf } from '../core/outcome.ts';
import { type Asked, FRESH, type Pace, pause, type RunsSoFar, runAgainMs } from '../core/rhythm.ts';
import { splayMs } from '../core/splay.ts';
import { DEFAULT_WATCH_SPLAY_SECONDS } from '../settings/keys.ts';
import { show } from './conclude.ts';
import { inUse, type Run } from './converge.ts';
import { type Interruption, openPatience, type Patience } from './patience.ts';
import { openRun, type PollContext, refuse, runOnce } from './poll.ts';
import { standstill } from './standstill.ts';

export interface WatchContext extends PollContext {
  readonly wake: WakeSignal;
  /** In 0 … 1. */
  readonly random: () => number;
}

/** What is remembered from question to question. It does not grow. */
interface Watching {
  /** What the next run starts from. */
  run: Run;
  /** Of the answer that the last run was made for. */
  etag: string | undefined;
  pace: Pace;
  /** Before the next question. */
  pauseMs: number;
  runs: RunsSoFar;
  /** When a run is due whatever the server says, by `performance.now()`; undefined before the first one. */
  dueAt: number | undefined;
  /** How the host looked when it was last looked at. */
  signs: string;
  /** What stopped it when the last run began. */
  still: string | undefined;
  /** Why no run could begin, as it was last told. */
  told: string | undefined;
}

/**
 * Stays, and makes a run whenever the server has another answer, somebody wants one, or there was none for a while. Answers
 * the exit code when it is told to stop.
 */
export async function watch(context: WatchContext): Promise<number> {
  const { settings, terminal } = context;
  if (settings.dryRun)
    return refuse(terminal, "watch changes things, and dry-run is set\n  'tagwave poll --dry-run' only looks.");
  const run = await openRun(context);
  if (typeof run === 'string') return refuse(terminal, run);
  terminal.out(`${run.hostname}: watching ${settings.servers.map(shown).join(', ')}`);
  const watching: Watching = {
    run,
    etag: undefined,
    pace: FRESH,
    pauseMs: 0,
    runs: { failed: 0, busy: 0 },
    dueAt: undefined,
    signs: '',
    still: undefined,
    told: undefined,
  };
  while ((await reasonForRun(context, watching)) !== 'stop') await runNow(context, watching);
  return 0;
}

/** Asks until there is a reason for a run. What is new waits for this host's share of the splay. */
async function reasonForRun(context: WatchContext, watching: Watching): Promise<Interruption | 'news'> {
  for (;;) {
    const asked = (await rest(context, watching.pauseMs, watching)) ?? (await askOnce(context, watching));
    watching.pauseMs = 0;
    if (typeof asked === 'string') return asked;
    const outcome = asked.outcome;
    const next = pause(watching.pace, outcome, context.random());
    watching.pace = next.pace;
    watching.pauseMs = next.pauseMs;
    if (outcome.kind === 'news' && asked.heard.kind === 'heard') {
      watching.etag = asked.heard.etag;
      const interruption = await rest(context, shareMs(context, watching.run, asked.heard));
      return interruption === 'stop' ? 'stop' : 'news';
    }
    // What a killed run left is put right without a server.
    if (watching.dueAt === undefined) return 'due';
  }
}

interface Answered {
  readonly heard: Heard;
  readonly outcome: Asked;
}

async function askOnce(context: WatchContext, watching: Watching): Promise<Answered | Interruption> {
  const { run, etag } = watching;
  const patience = patienceOf(context, watching);
  const began = performance.now();
  try {
    // What a host shows is renewed while it waits.
    const servers = { ...run.servers, identity: identify(run.settings), signal: patience.signal };
    const heard = await askWhenChanged(servers, questionOf(run, etag));
    const interruption = patience.interruption();
    if (interruption !== undefined) return interruption;
    if (heard.kind === 'nobody') context.terminal.detail(`no server answered: ${heard.why.join('; ')}`);
    run.servers.preferred = servers.preferred;
    return { heard, outcome: outcomeOf(heard, etag, performance.now() - began) };
  } finally {
    patience.end();
  }
}

function questionOf(run: Run, etag: string | undefined): Question {
  return { hostname: run.hostname, tag: run.settings.tag, etag, running: inUse(run)?.digest };
}

function outcomeOf(heard: Heard, known: string | undefined, tookMs: number): Asked {
  if (heard.kind === 'nobody') return { kind: 'nobody', tookMs, pollAfterMs: 0, canBeHeld: false };
  const { answer, etag, pollAfterMs } = heard;
  if (answer.kind === 'hold' && answer.hold === LATER) return { kind: 'later', tookMs, pollAfterMs, canBeHeld: false };
  // A hold and a killswitch are told again when time is up, and not as 304.
  const isSame = answer.kind === 'same' || (etag !== undefined && etag === known);
  return { kind: isSame ? 'same' : 'news', tookMs, pollAfterMs, canBeHeld: isSame || etag !== undefined };
}

/** Only what changes this host waits: what stops it is told at once. */
function shareMs(
  { settings, terminal }: WatchContext,
  run: Run,
  { answer }: Extract<Heard, { kind: 'heard' }>,
): number {
  if (answer.kind !== 'serve' || answer.assignment.digest === inUse(run)?.digest) return 0;
  const waitMs = splayMs(run.hostname, settings.splaySeconds ?? DEFAULT_WATCH_SPLAY_SECONDS);
  terminal.detail(`${run.hostname}: ${answer.assignment.tag} in ${waitMs / 1000} s, this host's share of the splay`);
  return waitMs;
}

/** Waits, unless something happens: with `watching` also that a run is due. Undefined: time is up. */
async function rest(context: WatchContext, ms: number, watching?: Watching): Promise<Interruption | undefined> {
  if (ms <= 0) return undefined;
  const patience = patienceOf(context, watching);
  try {
    await sleep(ms, undefined, { signal: patience.signal }).catch(() => undefined);
    return patience.interruption();
  } finally {
    patience.end();
  }
}

function patienceOf({ stop, wake }: WatchContext, watching?: Watching): Patience {
  if (watching === undefined) return openPatience({ stop: stop.signal, wake, dueMs: LONGEST_MS });
  const isDue = (): boolean => isStillOtherwise(watching);
  return openPatience({ stop: stop.signal, wake, dueMs: untilDue(watching), isDue });
}

/** In milliseconds. Before the first run there is nothing that could be due. */
function untilDue({ dueAt }: Watching): number {
  return dueAt === undefined ? LONGEST_MS : Math.max(0, dueAt - performance.now());
}

/** The most that a timer takes. */
const LONGEST_MS = 2 ** 31 - 1;

/** The same run that `poll` makes. Another one that is at work is waited for. */
async function runNow(context: WatchContext, watching: Watching): Promise<void> {
  const { settings, terminal, random } = context;
  const opened = await openRun(context);
  if (typeof opened !== 'string') watching.run = opened;
  watching.still = stillOf(watching.run);
  const tried = typeof opened === 'string' ? opened : await runOnce(context, opened);
  const isBusy = typeof tried === 'object' && tried.kind === 'busy';
  const isFailed = !isBusy && tried !== 0 && tried !== 3 && tried !== 4;
  if (typeof tried === 'number') watching.told = undefined;
  else if (isBusy) terminal.detail(`${watching.run.hostname}: ${tried.failure.sentence}; trying again soon`);
  else if (!context.stop.signal.aborted) tellOnce(context, watching, tried);
  watching.runs = { failed: isFailed ? watching.runs.failed + 1 : 0, busy: isBusy ? watching.runs.busy + 1 : 0 };
  watching.signs = '';
  watching.dueAt = performance.now() + runAgainMs(watching.runs, settings.intervalMinutes * 60_000, random());
}

/** Whether somebody on this host stopped it, or lets it go on, since the last run began. */
function isStillOtherwise(watching: Watching): boolean {
  const { run, dueAt, still } = watching;
  const signs = localSigns(run.layout, run.settings.disableFile);
  if (dueAt === undefined || signs === watching.signs) return false;
  watching.signs = signs;
  run.state = readState(run.layout).state;
  return stillOf(run) !== still;
}

function stillOf({ settings, state }: Run): string | undefined {
  return standstill(settings, state)?.key;
}

/** No run could begin, so nothing is remembered on the disk: what was told is remembered here. */
function tellOnce({ terminal }: WatchContext, watching: Watching, why: string | Parameters<typeof show>[1]): void {
  const sentence = typeof why === 'string' ? why : (sentenceOf(why) ?? '');
  if (watching.told === sentence) return;
  watching.told = sentence;
  if (typeof why === 'string') terminal.err(`tagwave: ${why}`);
  else show(watching.run, why);
}
