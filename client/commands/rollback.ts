import { findAccounts } from '../adapters/accounts.ts';
import { listReleases } from '../adapters/releases.ts';
import { writeState } from '../adapters/state-file.ts';
import { flawOfRelease } from '../adapters/verify.ts';
import type { Failure } from '../core/failure.ts';
import { type Failed, nameOf, type Outcome } from '../core/outcome.ts';
import type { ReleaseOnDisk } from '../core/place.ts';
import { isReleaseName } from '../core/release-name.ts';
import { heldText, type State, type Whereabouts } from '../core/state.ts';
import { beginReturn, carryBack } from './activation.ts';
import { isNoAside } from './asides.ts';
import { quietly, recordAndHandIn, show } from './conclude.ts';
import { inUse, type Run } from './converge.ts';
import { prepareRelease, releaseOnDisk, setScene } from './hooks.ts';
import { finishEarlier, guarded, openRun, type PollContext, refuse, underLock } from './poll.ts';
import { heldOutcome } from './standstill.ts';
import type { OwnFlags } from './usage/usage.ts';

export interface RollbackContext extends PollContext {
  /** `--to` and `--reason`. */
  readonly own: OwnFlags;
}

type Held = NonNullable<State['held']>;

/** What came of it: `troubles` are what did not succeed though the release is in use. */
interface Done {
  readonly kind: 'held';
  readonly held: Held;
  readonly isMoved: boolean;
  readonly troubles: readonly string[];
}

/** Puts a release that is still there into use, without a server, and stays with it until `resume`. Answers the exit code. */
export async function rollback(context: RollbackContext): Promise<number> {
  const opened = await openRun(context, { needsServer: false });
  if (typeof opened === 'string') return refuse(context.terminal, opened);
  const done = await underLock(context, opened, (run) => rollbackLocked(context, run));
  return typeof done === 'number' ? done : show(opened, done);
}

async function rollbackLocked(context: RollbackContext, run: Run): Promise<number> {
  const unfinished = await finishEarlier(context, run);
  const mayGoOn = unfinished === undefined || unfinished.kind === 'unfinished';
  const done = mayGoOn ? await holding(context, run) : unfinished.outcome;
  if (done.kind !== 'held') {
    const exitCode = show(run, done);
    if (done.kind === 'failed') isNoAside(run, done.failure);
    quietly(run, () => writeState(run.layout, run.state));
    return exitCode;
  }
  const outcome = heldOutcome(done.held);
  const exitCode = done.troubles.length === 0 ? 0 : 1;
  tell(run, done, exitCode);
  await recordAndHandIn(run, outcome, exitCode);
  return exitCode;
}

function holding({ own, ...context }: RollbackContext, run: Run): Promise<Done | Outcome> {
  const to = typeof own['to'] === 'string' ? own['to'] : undefined;
  const reason = typeof own['reason'] === 'string' ? own['reason'] : null;
  return guarded<Done | Outcome>(context, async () => {
    const chosen = choose(run, to);
    if ('sentence' in chosen) return failed(chosen);
    return holdAt(run, chosen, reason);
  });
}

function failed(failure: Failure): Failed {
  return { kind: 'failed', failure };
}

/** The release that is meant: by its digest or the beginning of it, otherwise the one before. */
function choose(run: Run, to: string | undefined): ReleaseOnDisk | Failure {
  const { held, previous } = run.state;
  const kept = listReleases(run.layout).flatMap(({ name }) => releaseOnDisk(run, name) ?? []);
  const hint = `Give one with --to. Kept here: ${kept.map(({ digest }) => digest).join(', ') || 'none'}`;
  if (to === undefined) {
    const before = kept.find(({ name }) => name === previous?.release && name !== inUse(run)?.name);
    if (before !== undefined && held?.left.includes(before.name) !== true) return before;
    return { sentence: 'it is not known which release was in use before', hint };
  }
  const prefix = to.startsWith('sha256:') ? to : `sha256:${to}`;
  const isLong = prefix.length >= 'sha256:'.length + 8;
  const found = kept.filter(
    ({ name, digest }) => (isLong && digest.startsWith(prefix)) || (isReleaseName(to) && name === to),
  );
  const now = inUse(run)?.name;
  const [chosen] = [...found.filter(({ name }) => name === now), ...found];
  const isOne = new Set(found.map(({ digest }) => digest)).size === 1;
  return chosen !== undefined && isOne
    ? chosen
    : { sentence: `${to} names ${isLong ? 'no' : 'too little to find a'} release that is kept here`, hint };
}

async function holdAt(run: Run, release: ReleaseOnDisk, reason: string | null): Promise<Done | Outcome> {
  const { state } = run;
  const now = inUse(run);
  const to = whereaboutsOf(state, release);
  const isMoved = now?.name !== release.name;
  const left = [...(isMoved && now !== undefined ? [now.name] : []), ...(state.held?.left ?? [])];
  const held: Held = {
    ...to,
    at: new Date().toISOString(),
    reason,
    left: left.filter((name) => name !== release.name),
  };
  if (!isMoved) {
    run.state = { ...state, held };
    await orUnsaid(run, state, () => writeState(run.layout, run.state));
    return { kind: 'held', held, isMoved, troubles: [] };
  }
  const flaw = await flawOf(run, release);
  if (flaw !== undefined) return failed(flaw);
  const from: Whereabouts =
    now === undefined ? NOWHERE : { release: now.name, digest: now.digest ?? null, tag: tagOf(state, now.name) };
  // Written with the first step: a run after a crash must not follow the server away again.
  run.state = { ...state, held };
  const older =
    from.tag === null || from.digest === null ? state.previous : { ...from, tag: from.tag, digest: from.digest };
  const returning = await orUnsaid(run, state, () => beginReturn(run, { from, to, older, why: null }));
  const end = await carryBack(run, returning);
  if (!('kind' in end)) return { kind: 'held', held, isMoved, troubles: end.troubles };
  run.state = { ...run.state, returning: null, held: state.held };
  return end;
}

/** What cannot be written down is not begun: the next run would follow the server away again. */
async function orUnsaid<Value>(run: Run, before: State, write: () => Value | Promise<Value>): Promise<Value> {
  try {
    return await write();
  } catch (error) {
    run.state = before;
    throw error;
  }
}

const NOWHERE: Whereabouts = { release: '', digest: null, tag: null };

function whereaboutsOf(state: State, { name, digest }: ReleaseOnDisk): Whereabouts {
  return { release: name, digest, tag: tagOf(state, name) };
}

function tagOf({ running, previous, refused }: State, name: string): Whereabouts['tag'] {
  const known = [running, previous].find((release) => release?.release === name);
  return known?.tag ?? (refused?.digest.slice('sha256:'.length).startsWith(name) ? refused.tag : null);
}

/** Everything that speaks against a release before it is touched, its own hooks included. */
async function flawOf(run: Run, release: ReleaseOnDisk): Promise<Failure | undefined> {
  const { directory, entries, digest, name } = release;
  const hint = 'Nothing was changed.';
  const owners = await findAccounts(entries);
  if (owners.kind === 'failed') return owners.failure;
  const signal = run.servers.signal;
  const flaw = await flawOfRelease({ directory, entries, accounts: owners.accounts, signal });
  if (flaw !== null) return { sentence: `releases/${name} is damaged: ${flaw}`, hint };
  const obstacle = await run.place.obstacle(release);
  if (obstacle !== undefined) return obstacle;
  const now = inUse(run);
  const previous = now && releaseOnDisk(run, now.name);
  const set = await setScene({ tag: tagOf(run.state, name), digest, release, previous });
  if (set.kind === 'failed') return set.failure;
  return (await prepareRelease(run, set.scene))?.failure;
}

function tell({ terminal, hostname, settings }: Run, { held, isMoved, troubles }: Done, exitCode: number): void {
  const sentence = `${isMoved ? 'went back' : 'stays'}: ${heldText(held)}`;
  if (settings.json) {
    const { release, tag, digest, at, reason } = held;
    terminal.json({ hostname, outcome: 'held', exitCode, sentence, release, tag, digest, at, reason, troubles });
    return;
  }
  terminal.out(`${hostname}: ${sentence}`);
  terminal.detail(`${hostname}: it is ${nameOf(held.tag, held.digest)}`);
  for (const trouble of troubles) terminal.err(`${hostname}: ${trouble}`);
}
