import { setTimeout as sleep } from 'node:timers/promises';
import type { Hostname } from '../../protocol/names.ts';
import { identify } from '../adapters/identity.ts';
import { type Layout, layoutOf, prepare } from '../adapters/layout.ts';
import { takeLock } from '../adapters/lock.ts';
import { machineName } from '../adapters/machine-name.ts';
import { openReleasePlace } from '../adapters/release-place.ts';
import { removeLeftovers } from '../adapters/releases.ts';
import { endForgottenHook } from '../adapters/running-hook.ts';
import type { Servers } from '../adapters/servers.ts';
import { recallState } from '../adapters/state-file.ts';
import type { StopSignals } from '../adapters/stop-signals.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import type { Outcome } from '../core/outcome.ts';
import type { Place } from '../core/place.ts';
import { splayMs } from '../core/splay.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import { conclude, finishEarlierRun, show } from './conclude.ts';
import { converge, type Run } from './converge.ts';
import { standstill } from './standstill.ts';

export interface PollContext {
  readonly settings: Settings;
  readonly terminal: Terminal;
  readonly stop: StopSignals;
  /** Content that failed before is tried again. */
  readonly retry?: boolean;
}

const USAGE = 2;

/** One run: asks, and brings the target to what the servers say. Answers the exit code. */
export async function poll(context: PollContext): Promise<number> {
  const { settings, terminal } = context;
  const opened = await openRun(context);
  if (typeof opened === 'string') return refuse(terminal, opened);
  if (settings.dryRun) return show(opened, await guarded(context, () => previewOf(opened)));
  return pollInTurn(context, opened);
}

async function previewOf(run: Run): Promise<Outcome> {
  return (await import('./preview.ts')).preview(run);
}

/** What a run starts from; or why the settings are not enough for one. */
export async function openRun(
  { settings, terminal, stop, retry = false }: PollContext,
  { needsServer }: { readonly needsServer: boolean } = { needsServer: true },
): Promise<Run | string> {
  const layout = layoutOf(settings.target);
  const { state } = await recallState(layout);
  const hostname = settings.hostname ?? machineName(state.machineName);
  const problem = usageProblem(hostname, needsServer ? settings.servers : undefined);
  if (problem !== undefined || hostname === undefined) return problem ?? '';
  const servers: Servers = {
    urls: settings.servers,
    preferred: state.server,
    answered: false,
    silenceMs: settings.timeoutSeconds * 1000,
    signal: stop.signal,
    identity: identify(settings),
  };
  const place = await placeOf(layout, settings.root);
  return { settings, hostname, layout, place, servers, terminal, startedAt: new Date(), retry, state };
}

/** What it takes to change a tree is only loaded where one is to be changed. */
async function placeOf(layout: Layout, root: string | undefined): Promise<Place> {
  return root === undefined
    ? openReleasePlace(layout)
    : (await import('../adapters/open-place.ts')).openPlace(layout, root);
}

/** Why the settings are not enough to ask anybody. */
export function usageProblem(hostname: Hostname | undefined, servers: readonly URL[] | undefined): string | undefined {
  if (servers?.length === 0)
    return "no server is given\n  Give --server URL, or write 'server: URL' to /etc/tagwave/client.yml.";
  if (hostname === undefined)
    return "this machine's own name is none that a server could know\n  Give --hostname NAME, or set the machine's name.";
  return undefined;
}

/** The settings are not enough. Answers the exit code. */
export function refuse(terminal: Terminal, problem: string): number {
  terminal.err(`tagwave: ${problem}`);
  return USAGE;
}

async function pollInTurn(context: PollContext, run: Run): Promise<number> {
  const { settings, terminal, stop } = context;
  const waitMs = splayMs(run.hostname, settings.splaySeconds ?? 0);
  if (waitMs > 0) {
    terminal.detail(`waiting ${Math.round(waitMs / 1000)} s, this host's share of the splay`);
    await sleep(waitMs, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  const tried = await runOnce(context, run);
  return typeof tried === 'number' ? tried : show(run, tried);
}

/**
 * One run under the target's lock, told and reported: answers its exit code. Where it could not even begin (another run holds
 * the lock, say), answers that, and nothing is told.
 */
export function runOnce(context: PollContext, run: Run): Promise<number | Outcome> {
  return underLock(context, run, async (locked) => conclude(locked, await outcomeOfRun(context, locked)));
}

/** Does some work under the target's lock, with what the host remembers. Answers why it could not begin. */
export async function underLock<Value>(
  { stop }: PollContext,
  run: Run,
  work: (run: Run) => Promise<Value>,
): Promise<Value | Outcome> {
  if (stop.signal.aborted) return stopped(stop);
  const unprepared = prepare(run.layout);
  if (unprepared !== undefined) return failure(unprepared);
  const lock = takeLock(run.layout.lock);
  if (lock.kind === 'busy') return lock;
  if (lock.kind === 'failed') return failure(lock.failure);
  try {
    return await work(await withMemory({ ...run, startedAt: new Date() }));
  } finally {
    lock.release();
  }
}

async function withMemory(run: Run): Promise<Run> {
  const remembered = await recallState(run.layout);
  run.state = { ...remembered.state, machineName: run.settings.hostname ? remembered.state.machineName : run.hostname };
  run.servers.preferred = run.state.server;
  if (remembered.problem !== undefined) run.terminal.err(`${run.hostname}: ${remembered.problem}: it is begun anew`);
  return run;
}

/** First what a killed run left, then what somebody on the host wants, and only then what a server says. */
async function outcomeOfRun(context: PollContext, run: Run): Promise<Outcome> {
  const unfinished = await finishEarlier(context, run);
  if (unfinished?.kind === 'stopped' || unfinished?.kind === 'unrecovered') return unfinished.outcome;
  const still = standstill(run.settings, run.state);
  if (still !== undefined) return still;
  const outcome = await guarded(context, () => converge(run));
  // What is in use is what failed: neither that it is the answer nor that it is refused is all there is to say.
  const isAsBefore = outcome.kind === 'unchanged' || outcome.kind === 'refused';
  return isAsBefore && unfinished !== undefined ? unfinished.outcome : outcome;
}

/** What keeps a run from finishing what an earlier one left: `unfinished` leaves hope that other content gets by. */
export interface Unfinished {
  readonly kind: 'stopped' | 'unrecovered' | 'unfinished';
  readonly outcome: Outcome;
}

export async function finishEarlier(context: PollContext, run: Run): Promise<Unfinished | undefined> {
  const cleaned = await cleanUp(run);
  if (cleaned !== undefined) return { kind: 'unrecovered', outcome: failure(cleaned) };
  const outcome = await guarded(context, () => finishEarlierRun(run));
  return outcome && { kind: outcome.kind === 'stopped' ? 'stopped' : 'unfinished', outcome };
}

/** Removes what a killed run left, and finishes or undoes what it was at. Answers why the run cannot go on. */
async function cleanUp(run: Run): Promise<Failure | undefined> {
  const { hostname, layout, place, terminal } = run;
  try {
    removeLeftovers(layout);
    endForgottenHook(layout.hook);
    const { told, isUndone, failure } = await place.recover();
    for (const sentence of told) terminal.err(`${hostname}: ${sentence}`);
    // Not even where it was to repair what is in use: nobody is to be told of what did not happen.
    if (isUndone === true) run.state = { ...run.state, activating: null };
    return failure;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return failure;
  }
}

/** A run that was asked to stop ends as such, wherever that caught it; what was flipped before stays flipped. */
export async function guarded<Value extends { readonly kind: string } | undefined>(
  { stop }: PollContext,
  work: () => Promise<Value>,
): Promise<Value | Outcome> {
  try {
    const outcome = await work();
    return outcome?.kind === 'failed' && stop.signal.aborted ? stopped(stop) : outcome;
  } catch (error) {
    if (stop.signal.aborted) return stopped(stop);
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { kind: 'failed', failure };
  }
}

function stopped(stop: StopSignals): Outcome {
  return { kind: 'stopped', by: stop.received() ?? 'SIGTERM' };
}

function failure(cause: Failure): Outcome {
  return { kind: 'failed', failure: cause };
}
