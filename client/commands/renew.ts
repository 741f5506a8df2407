import { join } from 'node:path';
import type { Assignment } from '../../protocol/assignment.ts';
import { type Staged, stage } from '../adapters/stage.ts';
import { syncTree } from '../adapters/sync.ts';
import type { Drifted } from '../core/drift.ts';
import { systemFailure } from '../core/failure.ts';
import { type Failed, failedBecause, nameOf, type Outcome, type Refused } from '../core/outcome.ts';
import type { ReleaseOnDisk } from '../core/place.ts';
import { beginActivation, finishActivation, repairedPaths, tellKept } from './activation.ts';
import { type Asked, inUse, question, type Run, settle } from './converge.ts';
import { prepareRelease, releaseOnDisk, type Scene, setScene } from './hooks.ts';
import { mend, rememberStaged, touchedByHooks } from './mend.ts';

/** Stages, asks again, flips. Nothing is flipped that is not the answer at the end. */
export async function renew(
  run: Run,
  first: Assignment,
  { isToMend }: { readonly isToMend: boolean },
): Promise<Outcome> {
  const { layout, place, servers, terminal } = run;
  let answer: Asked = { kind: 'serve', assignment: first };
  for (let round = 1; round <= 2; round++) {
    if (answer.kind === 'ended') return answer.outcome;
    const { assignment } = answer;
    const before = inUse(run);
    if (before?.isSure && before.digest === assignment.digest) {
      if (!isToMend) return settle(run, assignment, before.name);
      const mended = await mend(run, assignment);
      if (mended !== undefined) return mended;
    }
    const refused = refusedBefore(run, assignment);
    if (refused !== undefined) return refused;
    const staged = await stage({ layout, place, servers, terminal, assignment });
    if (staged.kind !== 'staged') return staged;
    const { name, reused } = staged;
    terminal.detail(`${reused ? 'found' : 'staged'} releases/${name}: every hash is right`);
    if (before?.name === name) return settle(run, assignment, name);
    // Before its own hooks can touch it.
    if (!reused) rememberStaged(run, assignment, staged);
    const ready = await makeReady(run, assignment, staged);
    if ('kind' in ready) return ready;
    // Before the second question: between its answer and the flip nothing may take long.
    const unsynced = await syncStage(run, assignment);
    if (unsynced !== undefined) return unsynced;
    answer = await question(run, { mayBeKnown: false });
    if (answer.kind === 'serve' && answer.assignment.digest === assignment.digest)
      return flip(run, answer.assignment, ready);
    if (answer.kind === 'serve') terminal.detail(`the answer changed to ${answer.assignment.tag} meanwhile`);
  }
  return answer.kind === 'ended' ? answer.outcome : changedTwice(answer.assignment);
}

function changedTwice({ tag, digest }: Assignment): Outcome {
  const hint = 'Nothing was flipped; what was staged is kept, and the next run goes on with it.';
  return { ...failedBecause('the answer changed twice while its files were staged', hint), tag, digest };
}

async function syncStage(run: Run, { tag, digest }: Assignment): Promise<Outcome | undefined> {
  try {
    await syncTree(run.layout.releases);
    return undefined;
  } catch (error) {
    return failedBySystem(error, { tag, digest });
  }
}

function failedBySystem(error: unknown, of: Pick<Assignment, 'tag' | 'digest'>): Outcome {
  const failure = systemFailure(error);
  if (failure === undefined) throw error;
  return { kind: 'failed', failure, ...of };
}

interface Ready {
  readonly release: ReleaseOnDisk;
  readonly scene: Scene;
  /** What had drifted, where it is another copy of what is in use. */
  readonly repaired: readonly Drifted[] | undefined;
}

/** Finds out all that would keep a staged release from being used, up to its own hooks. */
async function makeReady(
  run: Run,
  { tag, digest }: Assignment,
  { name, entries }: Staged,
): Promise<Ready | Refused | Failed> {
  const release: ReleaseOnDisk = { name, directory: join(run.layout.releases, name), digest, entries };
  const obstacle = await run.place.obstacle(release);
  if (obstacle !== undefined) return { kind: 'failed', failure: obstacle, tag, digest };
  const before = inUse(run);
  const previous = before && releaseOnDisk(run, before.name);
  const repaired = before?.digest === digest ? (run.drifted ?? []) : undefined;
  const paths = repaired?.map(({ path }) => path);
  const set = await setScene(
    { tag, digest, release, previous },
    paths === undefined ? undefined : repairedPaths(release, paths),
  );
  if (set.kind === 'failed') return { ...set, tag, digest };
  const unprepared = await prepareRelease(run, set.scene);
  if (unprepared === undefined)
    return (
      (await touchedByHooks(run, release, { tag, hooks: set.scene.hooks })) ?? { release, scene: set.scene, repaired }
    );
  const { kind, failure, index } = unprepared;
  const told = { ...failure, sentence: `${tag} is not put into use: ${failure.sentence}` };
  if (kind === 'stage') return { kind: 'failed', failure: told, tag, digest };
  return { kind: 'refused', failure: told, tag, digest, key: `${digest} test ${index}` };
}

/** Journaled: the next run can go on, tell and report if this one is killed. */
async function flip(run: Run, { tag, digest }: Assignment, ready: Ready): Promise<Outcome> {
  const { release, repaired } = ready;
  try {
    const scene = { ...ready.scene, tag };
    const activating = await beginActivation(run, scene, { tag, digest, release, repaired });
    run.servers.signal.throwIfAborted();
    tellKept(run, await run.place.activate(release));
    const outcome = await finishActivation(run, activating, scene);
    return outcome.kind === 'applied' && repaired?.length ? { ...outcome, repaired } : outcome;
  } catch (error) {
    return failedBySystem(error, { tag, digest });
  }
}

/** Content that failed once is not tried again: it would fail again, with every run. */
function refusedBefore({ state, retry }: Run, { tag, digest }: Assignment): Refused | undefined {
  const { refused } = state;
  if (retry || refused?.digest !== digest) return undefined;
  const sentence = `${nameOf(tag, digest)} is not tried again, as it failed at ${refused.at}: ${refused.why}`;
  const hint = "Nothing was changed. It is tried when its content changes, or with 'tagwave poll --retry'.";
  return { kind: 'refused', tag, digest, failure: { sentence, hint }, key: digest };
}
