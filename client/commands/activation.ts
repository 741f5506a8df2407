import { randomUUID } from 'node:crypto';
import type { Digest, TagName } from '../../protocol/names.ts';
import { writeState } from '../adapters/state-file.ts';
import type { Drifted } from '../core/drift.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import type { ChangedPaths } from '../core/hook-plan.ts';
import type { Applied, Failed, RolledBack } from '../core/outcome.ts';
import type { Kept, ReleaseOnDisk } from '../core/place.ts';
import { type PlannedRun, type State, type Whereabouts, withActivated } from '../core/state.ts';
import { tellAside } from './asides.ts';
import { inUse, type Run } from './converge.ts';
import {
  pathsBetween,
  planOf,
  releaseOnDisk,
  runPlanned,
  type Scene,
  type SetScene,
  setScene,
  verifyRelease,
} from './hooks.ts';

type Activating = NonNullable<State['activating']>;

export interface Activation {
  readonly tag: TagName | 'trunk';
  readonly digest: Digest;
  readonly release: ReleaseOnDisk;
  /** What had drifted, where this is another copy of what is in use, or what is in use. */
  readonly repaired: readonly Drifted[] | undefined;
}

/** What the state may hold of them, in characters. */
const PATHS_LIMIT = 100_000;

/**
 * Writes down what is about to be done, so that the next run can go on with it if this one is killed: what is put into use,
 * what it was before, and every command that somebody is to be told by.
 */
export async function beginActivation(run: Run, scene: Scene, activation: Activation): Promise<Activating> {
  const { tag, digest, release, repaired } = activation;
  const before = inUse(run);
  const paths = repaired?.map(({ path }) => path);
  const activating: Activating = {
    tag,
    digest,
    release: release.name,
    runId: randomUUID(),
    startedAt: run.startedAt.toISOString(),
    changed: repaired?.length ?? scene.paths.all.length,
    files: release.entries.length,
    // A release that is gone is no nothing: what is on a tree of it must not be taken away.
    isFirst: before === undefined && run.place.takenName() === undefined,
    from: before === undefined ? null : whereaboutsOf(run, before),
    older: run.state.previous,
    pending: await planOf(scene),
    repair: paths === undefined ? null : { paths: paths.join().length > PATHS_LIMIT ? null : paths },
  };
  const { state } = run;
  try {
    run.state = { ...state, activating, returning: null };
    writeState(run.layout, run.state);
    return activating;
  } catch (error) {
    run.state = state;
    throw error;
  }
}

function whereaboutsOf({ state }: Run, { name, digest }: NonNullable<ReturnType<typeof inUse>>): Whereabouts {
  const tag = state.running?.release === name ? state.running.tag : null;
  return { release: name, digest: digest ?? null, tag };
}

/**
 * Goes on where a killed run was: with what is in use and not everybody was told of, or with a way back. Undefined where nothing
 * was left, or where nothing of it had been done.
 */
export async function resumeActivation(run: Run): Promise<Applied | RolledBack | Failed | 'returned' | undefined> {
  const { activating, returning } = run.state;
  if (returning !== null) {
    const end = await carryBack(run, returning);
    return returning.why === null && !('kind' in end) ? 'returned' : returned(end);
  }
  if (activating === null) return undefined;
  if (inUse(run)?.name === activating.release) return finishActivation(run, activating);
  run.state = { ...run.state, activating: null };
  return undefined;
}

/** The paths that hooks of a repair are for: what had drifted. */
export function repairedPaths(release: ReleaseOnDisk, paths: readonly string[] | null): ChangedPaths {
  return { all: paths ?? release.entries.map(({ path }) => path), removed: [] };
}

/**
 * What follows when a release is in use: what is pending is run and noted as done one by one, then it is verified. What fails
 * leads back. Also for a run that was killed on the way, which has to find out anew what it was about.
 */
export async function finishActivation(
  run: Run,
  activating: Activating,
  known?: Scene,
): Promise<Applied | RolledBack | Failed> {
  const set: SetScene = known === undefined ? await sceneOf(run, activating) : { kind: 'set', scene: known };
  const failure = set.kind === 'failed' ? set.failure : await runAndVerify(run, set.scene);
  if (failure === undefined) {
    const { refused } = run.state;
    run.state = withActivated({ ...run.state, refused: refused?.digest === activating.digest ? null : refused });
    return appliedOf(activating);
  }
  const sentence = sentenceOfStaying(run, activating, failure);
  if (sentence === undefined) return goBack(run, activating, failure);
  const others = set.kind === 'set' ? await tellRest(run, set.scene) : [];
  run.state = withActivated(run.state);
  const { tag, digest } = activating;
  return { kind: 'failed', failure: { ...failure, sentence: [sentence, ...others].join('\n') }, tag, digest };
}

/** What is told of a failure that leads nowhere; undefined where there is something to go back to. */
function sentenceOfStaying(run: Run, activating: Activating, { sentence }: Failure): string | undefined {
  const { tag, digest, repair, from, isFirst } = activating;
  // What failed is not the content: there is nothing better.
  if (repair !== null || from?.digest === digest) return `repaired ${tag}, but ${sentence}`;
  if (from === null)
    return isFirst ? undefined : `${sentence}, and there is no way back: what was in use before is not known`;
  if (releaseOnDisk(run, from.release) !== undefined) return undefined;
  return `${sentence}, and there is no way back: the manifest of releases/${from.release} is gone`;
}

/** What stays in use concerns the others too, whatever one of them made of it. Answers what else failed. */
async function tellRest(run: Run, scene: Scene): Promise<string[]> {
  const failures: string[] = [];
  // The first is the one that failed.
  for (const planned of run.state.activating?.pending.slice(1) ?? []) {
    const failure = await runPlanned(run, scene, planned);
    if (failure !== undefined) failures.push(failure.sentence);
  }
  return failures;
}

function appliedOf({ tag, digest, release, changed, files, isFirst, runId, startedAt }: Activating): Applied {
  return { kind: 'applied', tag, digest, release, changed, files, isFirst, runId, startedAt };
}

async function sceneOf(
  run: Run,
  { tag, digest, release: name, from, repair }: Activating,
): ReturnType<typeof setScene> {
  const release = releaseOnDisk(run, name);
  if (release === undefined) {
    const sentence = `the manifest of releases/${name} is gone, and with it what its hooks are for`;
    return { kind: 'failed', failure: { sentence, hint: 'The next run stages it anew.' } };
  }
  const previous = from === null ? undefined : releaseOnDisk(run, from.release);
  const paths = repair === null ? pathsBetween(previous, release) : repairedPaths(release, repair.paths);
  return setScene({ tag, digest, release, previous }, paths);
}

async function runAndVerify(run: Run, scene: Scene): Promise<Failure | undefined> {
  for (let next = run.state.activating?.pending[0]; next !== undefined; next = run.state.activating?.pending[0]) {
    const failure = await runPlanned(run, scene, next);
    if (failure !== undefined) return failure;
    const { activating } = run.state;
    run.state = { ...run.state, activating: activating && { ...activating, pending: activating.pending.slice(1) } };
    note(run);
  }
  return verifyRelease(run, scene);
}

/** Notes progress. Where that cannot be written, a run after a crash does a little more again than it had to. */
function note(run: Run): void {
  try {
    writeState(run.layout, run.state);
  } catch (error) {
    tellAside(run, error);
  }
}

async function goBack(run: Run, activating: Activating, failure: Failure): Promise<RolledBack | Failed> {
  const { tag, digest, release, from, older } = activating;
  const at = new Date().toISOString();
  const why = { sentence: failure.sentence, output: failure.output ?? '' };
  const way = { from: { release, digest, tag }, to: from, older };
  run.state = { ...run.state, refused: { digest, tag, at, why: failure.sentence } };
  return returned(await carryBack(run, await beginReturn(run, { ...way, why })));
}

function returned(end: Returning | Failed): RolledBack | Failed {
  return 'kind' in end ? end : rolledBack(end);
}

export type Returning = NonNullable<State['returning']>;
export type Return = Pick<Returning, 'from' | 'to' | 'older' | 'why'>;

/** Writes down the way back before the first step of it. */
export async function beginReturn(run: Run, { from, to, older, why }: Return): Promise<Returning> {
  const set = await returnScene(run, { from, to });
  const returning = {
    from,
    to,
    older,
    why,
    runId: randomUUID(),
    startedAt: run.startedAt.toISOString(),
    changed: set.scene.paths.all.length,
    pending: await planOf(set.scene),
    troubles: set.troubles,
  };
  run.state = { ...run.state, activating: null, returning };
  // A person who wants it is told that it cannot be done; what failed is left all the same.
  if (why === null) writeState(run.layout, run.state);
  else note(run);
  return returning;
}

/** Hooks that cannot be read are told of, but keep nobody from going back. */
async function returnScene(
  run: Run,
  { from, to }: Pick<Return, 'from' | 'to'>,
): Promise<{ readonly scene: Scene; readonly troubles: string[] }> {
  const release = to === null ? undefined : releaseOnDisk(run, to.release);
  const previous = releaseOnDisk(run, from.release);
  const ends = { tag: to?.tag ?? null, digest: to?.digest ?? null, release, previous };
  const set = await setScene(ends);
  if (set.kind === 'set') return { scene: set.scene, troubles: [] };
  const none = { hooks: [], verify: [] };
  const scene = { ...ends, paths: pathsBetween(previous, release), hooks: none, oldHooks: none };
  return { scene, troubles: [set.failure.sentence] };
}

/**
 * Goes back, or on with it: what was in use before is in use again, and everybody concerned is told. Whatever fails on the way
 * is told, and the others are told all the same. Answers what came of it.
 */
export async function carryBack(run: Run, journaled: Returning): Promise<Returning | Failed> {
  const { to, why, older } = journaled;
  const { scene } = await returnScene(run, journaled);
  const failed = await moveBack(run, scene, to);
  if (failed !== undefined) return failed;
  run.state = { ...run.state, running: runningOf(to) };
  await tellBack(run, scene);
  if (why === null) {
    const failure = await verifyRelease(run, scene);
    if (failure !== undefined) addTrouble(run, failure);
  }
  const { returning } = run.state;
  run.state = { ...run.state, returning: null, previous: older };
  return returning ?? journaled;
}

const REFUSED_HINT = "This content is not tried again until it changes; 'tagwave poll --retry' tries it all the same.";

function rolledBack({ from, to, why, runId, changed, troubles }: Returning): RolledBack {
  const { tag, digest } = from;
  const failure = { sentence: why?.sentence ?? '', hint: REFUSED_HINT, output: why?.output ?? '' };
  return { kind: 'rolled-back', tag, digest, to, failure, troubles, changed, runId };
}

function runningOf(to: Whereabouts | null): State['running'] {
  if (to === null || to.tag === null || to.digest === null) return null;
  return { tag: to.tag, digest: to.digest, release: to.release };
}

/** What is in use may be gone from the releases; nothing is in use only where nothing was put there. */
function isThere({ place }: Run, to: Whereabouts | null): boolean {
  return to === null ? place.takenName() === undefined : place.inUse()?.name === to.release;
}

async function moveBack(run: Run, { release }: Scene, to: Whereabouts | null): Promise<Failed | undefined> {
  const hint = 'The next run tries again; what is in use is what failed.';
  try {
    if (isThere(run, to)) return undefined;
    if (to !== null && release === undefined)
      return { kind: 'failed', failure: { sentence: `cannot go back: releases/${to.release} is gone`, hint } };
    tellKept(run, release === undefined ? await run.place.withdraw() : await run.place.activate(release));
    return undefined;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { kind: 'failed', failure: { sentence: `cannot go back: ${failure.sentence}`, hint: failure.hint } };
  }
}

export function tellKept(run: Run, kept: readonly Kept[]): void {
  if (run.settings.json) run.kept = [...(run.kept ?? []), ...kept];
  else for (const { sentence } of kept) run.terminal.out(`${run.hostname}: ${sentence}`);
}

async function tellBack(run: Run, scene: Scene): Promise<void> {
  const next = (): PlannedRun | undefined => run.state.returning?.pending[0];
  for (let planned = next(); planned !== undefined; planned = next()) {
    const failure = await runPlanned(run, scene, planned);
    if (failure !== undefined) addTrouble(run, failure);
    const { returning } = run.state;
    run.state = { ...run.state, returning: returning && { ...returning, pending: returning.pending.slice(1) } };
    note(run);
  }
}

function addTrouble(run: Run, { sentence, output = '' }: Failure): void {
  const { returning } = run.state;
  const trouble = `on the way back, ${sentence}${output === '' ? '' : `:\n${output}`}`;
  run.state = { ...run.state, returning: returning && { ...returning, troubles: [...returning.troubles, trouble] } };
}
