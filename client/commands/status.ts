import { type Layout, layoutOf } from '../adapters/layout.ts';
import { openPlace } from '../adapters/open-place.ts';
import { readState } from '../adapters/read-state.ts';
import { listReleases, readCurrent, readManifest } from '../adapters/releases.ts';
import { ago } from '../core/age.ts';
import { describeDrift, pathsOf } from '../core/drift.ts';
import { systemFailure } from '../core/failure.ts';
import { nameOf } from '../core/outcome.ts';
import type { State } from '../core/state.ts';
import { rootOfTarget } from '../in-place/storage.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import { indented } from '../terminal.ts';
import { standstill } from './standstill.ts';

interface Status {
  readonly target: string;
  /** The tree that releases are put onto. */
  readonly root: string | null;
  readonly current: {
    readonly release: string;
    readonly tag: string | null;
    readonly digest: string | null;
    readonly since: string;
  } | null;
  /** Why there is no current release; null where there is one. */
  readonly problem: string | null;
  readonly releases: readonly { readonly release: string; readonly usedAt: string }[];
  readonly server: string | null;
  readonly answer: State['answer'];
  readonly last: State['last'];
  /** Why nothing is done here; null where something is. */
  readonly disabled: string | null;
  /** Where a person keeps it. */
  readonly held: State['held'];
  readonly refused: State['refused'];
  /** How many hooks are still to be run for what is in use; null where an activation is not under way. */
  readonly pending: number | null;
  /** What was last found not to be as its manifest says. */
  readonly drift: State['drift'];
  /** What servers were last told of the host. */
  readonly facts: State['facts'];
  readonly reportsWaiting: number;
  readonly reportProblem: string | null;
}

/** Tells what this host has and how its last run ended. Takes no lock, asks nobody, writes nothing. */
export function status(settings: Settings, terminal: Terminal): number {
  try {
    const found = gather(settings);
    if (settings.json) terminal.json(found);
    else for (const line of describe(found, Date.now())) terminal.out(line);
    return 0;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    terminal.err(`tagwave: ${failure.sentence}\n  ${failure.hint}`);
    return 1;
  }
}

function gather(settings: Settings): Status {
  const layout = layoutOf(settings.target);
  const { state, problem } = readState(layout);
  const root = settings.root ?? rootOfTarget(layout);
  const place = openPlace(layout, root);
  const current = place.inUse();
  const common = {
    target: layout.root,
    root: root ?? null,
    disabled: standstill(settings, state)?.message ?? null,
    held: state.held,
    refused: state.refused,
    pending: state.activating?.pending.length ?? state.returning?.pending.length ?? null,
    releases: listReleases(layout).map(({ name, usedAt }) => ({
      release: name,
      usedAt: new Date(usedAt).toISOString(),
    })),
    server: state.server,
    answer: state.answer,
    last: state.last,
    drift: state.drift,
    facts: state.facts,
    reportsWaiting: state.reports.length,
    reportProblem: state.reportProblem,
  };
  if (current === undefined)
    return { ...common, current: null, problem: problem ?? nothingInUse(layout, root, place.takenName()) };
  const remembered = [state.running, state.activating].find((release) => release?.release === current.name);
  const digest = remembered?.digest ?? readManifest(layout, current.name)?.digest ?? null;
  const since = current.since.toISOString();
  return {
    ...common,
    current: { release: current.name, tag: remembered?.tag ?? null, digest, since },
    problem: problem ?? null,
  };
}

function nothingInUse(layout: Layout, root: string | undefined, taken: string | undefined): string {
  if (root !== undefined && taken !== undefined)
    return `releases/${taken}, which is on ${root}, is gone; the next run stages it anew`;
  if (root !== undefined) return `nothing is released onto ${root} yet`;
  const current = readCurrent(layout);
  switch (current.kind) {
    case 'none':
    case 'release':
      return 'nothing is released here yet';
    case 'astray':
      return `current points to ${JSON.stringify(current.target)}, which is no release; the next run repairs it`;
    case 'foreign':
      return 'current is no symbolic link; move it away';
  }
}

function describe(status: Status, now: number): string[] {
  const { target, current, problem, releases, server, answer, last, drift, facts, reportsWaiting, reportProblem } =
    status;
  const rows: [string, string | null][] = [
    ['target', target],
    ['root', status.root],
    ['current', current === null ? problem : `${current.tag ?? 'an unknown tag'} since ${current.since}`],
    ['digest', current?.digest ?? null],
    ['problem', current === null ? null : problem],
    ['disabled', status.disabled && indented(status.disabled)],
    ['pending', pendingOf(status)],
    ['refused', status.refused && refusedOf(status.refused)],
    ['server', server],
    [
      'last answer',
      answer &&
        `${answer.outcome}${answer.tag === null ? '' : ` ${answer.tag}`} at ${answer.at}, ${ago(answer.at, now)}`,
    ],
    ['asked', last && askedOf(last, answer, now)],
    ['message', answer?.message ? indented(answer.message) : null],
    [
      'last run',
      last &&
        `${last.outcome} (exit ${last.exitCode}) at ${last.at}${last.sentence === null ? '' : `: ${indented(last.sentence)}`}`,
    ],
    [
      'releases',
      releases.length === 0
        ? null
        : releases.map(({ release }) => (release === current?.release ? `${release} (current)` : release)).join(', '),
    ],
    ['drift', drift && driftOf(drift)],
    [
      'facts',
      facts &&
        Object.entries(facts)
          .map(([name, value]) => `${name}=${value}`)
          .join(', '),
    ],
    ['reports', reportsWaiting === 0 ? null : `${reportsWaiting} not handed in yet`],
    ['reports', reportProblem],
  ];
  return rows.flatMap(([name, value]) => (value === null ? [] : [`${`${name}:`.padEnd(13)}${value}`]));
}

function askedOf({ at, isAnswered }: NonNullable<Status['last']>, answer: Status['answer'], now: number): string {
  const last = `last ${ago(at, now)}`;
  if (isAnswered) return last;
  return `${last}; ${answer === null ? 'no server has ever answered' : `no server has answered since ${answer.at}`}`;
}

function pendingOf({ pending }: Status): string | null {
  if (pending === null) return null;
  return `an activation is under way, with ${pending} hook${pending === 1 ? '' : 's'} to run; the next run goes on with it`;
}

function refusedOf({ tag, digest, at, why }: NonNullable<State['refused']>): string {
  return `${nameOf(tag, digest)} at ${at}: ${indented(why)}`;
}

function driftOf({ at, count, paths, isRepaired }: NonNullable<State['drift']>): string {
  return `${pathsOf(count)} at ${at}${isRepaired ? ', repaired' : ''}: ${describeDrift(paths, { count })}`;
}
