import { layoutOf } from '../adapters/layout.ts';
import { listReleases, readCurrent, readManifest } from '../adapters/releases.ts';
import { readState } from '../adapters/state-file.ts';
import { ago } from '../core/age.ts';
import { describeDrift, pathsOf } from '../core/drift.ts';
import { systemFailure } from '../core/failure.ts';
import type { State } from '../core/state.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import { indented } from '../terminal.ts';

interface Status {
  readonly target: string;
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
  /** What was last found not to be as its manifest says. */
  readonly drift: State['drift'];
  /** What servers were last told of the host. */
  readonly facts: State['facts'];
  readonly reportsWaiting: number;
  readonly reportProblem: string | null;
}

/** Tells what this host has and how its last run ended. Takes no lock, asks nobody, writes nothing. */
export function status({ target, json }: Settings, terminal: Terminal): number {
  try {
    const found = gather(target);
    if (json) terminal.json(found);
    else for (const line of describe(found, Date.now())) terminal.out(line);
    return 0;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    terminal.err(`tagwave: ${failure.sentence}\n  ${failure.hint}`);
    return 1;
  }
}

function gather(target: string): Status {
  const layout = layoutOf(target);
  const { state, problem } = readState(layout);
  const current = readCurrent(layout);
  const common = {
    target: layout.root,
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
  if (current.kind !== 'release') return { ...common, current: null, problem: problem ?? problemOf(current) };
  const remembered = state.running?.release === current.name ? state.running : undefined;
  const digest = remembered?.digest ?? readManifest(layout, current.name)?.digest ?? null;
  const since = current.since.toISOString();
  return {
    ...common,
    current: { release: current.name, tag: remembered?.tag ?? null, digest, since },
    problem: problem ?? null,
  };
}

function problemOf(current: Exclude<ReturnType<typeof readCurrent>, { kind: 'release' }>): string {
  switch (current.kind) {
    case 'none':
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
    ['current', current === null ? problem : `${current.tag ?? 'an unknown tag'} since ${current.since}`],
    ['digest', current?.digest ?? null],
    ['problem', current === null ? null : problem],
    ['server', server],
    [
      'last answer',
      answer &&
        `${answer.outcome}${answer.tag === null ? '' : ` ${answer.tag}`} at ${answer.at}, ${ago(answer.at, now)}`,
    ],
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

function driftOf({ at, count, paths, isRepaired }: NonNullable<State['drift']>): string {
  return `${pathsOf(count)} at ${at}${isRepaired ? ', repaired' : ''}: ${describeDrift(paths, { count })}`;
}
