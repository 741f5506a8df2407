import { machineFacts } from '../adapters/machine-facts.ts';
import { sendReport } from '../adapters/servers.ts';
import { writeState } from '../adapters/state-file.ts';
import { type Drifted, describeDrift, isNewDrift, pathsOf } from '../core/drift.ts';
import { type Facts, factsOf } from '../core/facts.ts';
import { exitCodeOf, type Failed, hintOf, type Outcome, outputOf, sentenceOf } from '../core/outcome.ts';
import { queueReport } from '../core/report.ts';
import type { State } from '../core/state.ts';
import { isToTell, type Told } from '../core/telling.ts';
import { indented } from '../terminal.ts';
import { isNoAside, tellAside } from './asides.ts';
import { inUse, type Run } from './converge.ts';
import { tidyUp } from './tidy-up.ts';

/**
 * A run that was killed after its flip told and reported nothing, nor everybody on the host: this one does it in its place.
 * Answers what keeps it from that.
 */
export async function finishEarlierRun(run: Run): Promise<Failed | undefined> {
  const { activating, returning } = run.state;
  if (activating === null && returning === null) return undefined;
  const startedAt = new Date((returning ?? activating)?.startedAt ?? run.startedAt);
  const outcome = await (await import('./activation.ts')).resumeActivation(run);
  if (outcome === undefined || outcome === 'returned') return undefined;
  if (outcome.kind === 'failed') return outcome;
  if (run.settings.json) run.earlier = outcome;
  else showOutcome(run, outcome, codeOf(run, outcome));
  const now = new Date();
  const reported = queueReport(run.state, { outcome, startedAt, now, isTold: true, facts: factsOfRun(run) });
  run.state = { ...reported, told: toldAfter(reported, outcome, now) };
  return undefined;
}

/** Tells, remembers, reports and tidies up. Nothing of it changes the outcome. Answers the exit code. */
export async function conclude(run: Run, outcome: Outcome): Promise<number> {
  const now = new Date();
  const { startedAt, drifted = [] } = run;
  const notice = noticeOf(outcome);
  const isNews = isNewDrift(drifted, run.state.drift);
  const isTold = notice === undefined || isNews || isToTell(run.state.told, notice, now.getTime());
  const exitCode = isTold || run.settings.verbose || run.settings.json ? show(run, outcome) : codeOf(run, outcome);
  if (outcome.kind === 'failed') isNoAside(run, outcome.failure);
  const settled = withWhatIsInUse(run);
  run.state = {
    ...queueReport(settled, { outcome, startedAt, now, isTold, drifted, facts: factsOfRun(run) }),
    drift: driftAfter(settled, { outcome, drifted, now }),
    told: toldAfter(settled, outcome, isTold ? now : undefined),
    last: lastOf(run, outcome, { exitCode, now }),
  };
  quietly(run, () => writeState(run.layout, run.state));
  if (outcome.kind !== 'disabled' && outcome.kind !== 'stopped') {
    const { cleaning } = run.state;
    await quietlyAsync(run, () => tidyUp(run));
    if (run.state.cleaning !== cleaning) quietly(run, () => writeState(run.layout, run.state));
  }
  if (run.servers.answered || outcome.kind === 'disabled') await handIn(run);
  if (exitCode === 0 && isTokenOld(run, now)) await quietlyAsync(run, async () => replaceToken(run, now));
  return exitCode;
}

const DAY_MS = 86_400_000;

function isTokenOld({ settings, servers }: Run, now: Date): boolean {
  const { madeAtMs } = servers.identity;
  return settings.rotateDays > 0 && madeAtMs !== undefined && now.getTime() - madeAtMs > settings.rotateDays * DAY_MS;
}

async function replaceToken(run: Run, now: Date): Promise<void> {
  await (await import('./rotation.ts')).replaceToken(run, now);
}

/** Remembers and reports what was told already. */
export async function recordAndHandIn(run: Run, outcome: Outcome, exitCode: number): Promise<void> {
  const now = new Date();
  const { startedAt } = run;
  const reported = queueReport(run.state, { outcome, startedAt, now, isTold: true, facts: factsOfRun(run) });
  const last = lastOf(run, outcome, { exitCode, now });
  run.state = { ...reported, told: toldAfter(reported, outcome, now), last };
  quietly(run, () => writeState(run.layout, run.state));
  await handIn(run);
}

function lastOf({ servers }: Run, outcome: Outcome, { exitCode, now }: { exitCode: number; now: Date }): State['last'] {
  const isAnswered = servers.answered || outcome.kind !== 'failed';
  return { at: now.toISOString(), outcome: outcome.kind, exitCode, sentence: sentenceOf(outcome), isAnswered };
}

function factsOfRun({ settings }: Run): Facts {
  return factsOf(machineFacts(), settings.facts);
}

const REMEMBERED_PATHS = 50;

function driftAfter(
  { drift }: State,
  { outcome, drifted, now }: { outcome: Outcome; drifted: readonly Drifted[]; now: Date },
): State['drift'] {
  if (drifted.length === 0) return drift;
  const paths = drifted.slice(0, REMEMBERED_PATHS).map(({ path, how }) => ({ path, how: [...how] }));
  return { at: now.toISOString(), count: drifted.length, paths, isRepaired: outcome.kind === 'applied' };
}

function withWhatIsInUse(run: Run): State {
  const { state } = run;
  const { activating } = state;
  if (activating === null) return state;
  // Where it is in use, not all of its hooks are through: the next run goes on with them.
  return inUse(run)?.name === activating.release ? state : { ...state, activating: null };
}

/** `at`: when the outcome was told, if it was. A run that was stopped says nothing about what was the matter before. */
function toldAfter({ told }: State, outcome: Outcome, at: Date | undefined): Told | null {
  // The next runs find the same content refused: that was told with the way back.
  if (outcome.kind === 'rolled-back')
    return { kind: 'refused', message: outcome.digest ?? '', at: (at ?? new Date()).toISOString() };
  const notice = noticeOf(outcome);
  if (notice === undefined) return outcome.kind === 'stopped' ? told : null;
  return at === undefined ? told : { ...notice, at: at.toISOString() };
}

/**
 * What must not be told again and again; undefined for outcomes that are always told or never. A hold is the same while its
 * code is: its sentence names the due tag, which moves on every hour.
 */
function noticeOf(outcome: Outcome): Pick<Told, 'kind' | 'message'> | undefined {
  switch (outcome.kind) {
    case 'killswitch':
    case 'failed':
      return { kind: outcome.kind, message: sentenceOf(outcome) ?? '' };
    case 'hold':
      return { kind: 'hold', message: outcome.hold };
    case 'refused':
    case 'disabled':
      return { kind: outcome.kind, message: outcome.key };
    default:
      return undefined;
  }
}

/** Work after the outcome is settled: when it fails, that is told, and the outcome stays. */
export function quietly(run: Run, work: () => void): void {
  try {
    work();
  } catch (error) {
    tellAside(run, error);
  }
}

async function quietlyAsync(run: Run, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (run.servers.signal.aborted) return;
    tellAside(run, error);
  }
}

/** Hands in the reports that wait. What no server takes now is handed in by the next run. */
async function handIn(run: Run): Promise<void> {
  const { reports } = run.state;
  let { reportProblem } = run.state;
  let handed = 0;
  for (const report of reports) {
    const reported = await sendReport(run.servers, run.hostname, report);
    if (reported.kind === 'later') break;
    reportProblem = reported.kind === 'rejected' ? reported.why : null;
    handed++;
  }
  if (handed === 0) return;
  if (reportProblem !== null) run.terminal.detail(`${run.hostname}: ${reportProblem}`);
  run.state = { ...run.state, reports: reports.slice(handed), reportProblem };
  quietly(run, () => writeState(run.layout, run.state));
}

function codeOf({ settings }: Run, outcome: Outcome): number {
  return exitCodeOf(outcome, { detailed: settings.detailedExitcode });
}

/** Prints how a run ended, in words or as JSON. Answers the exit code. */
export function show(run: Run, outcome: Outcome): number {
  const exitCode = codeOf(run, outcome);
  if (run.settings.json) showJson(run, outcome, exitCode);
  else showWords(run, outcome, exitCode);
  return exitCode;
}

const DRIFT_VERBS: Partial<Record<Outcome['kind'], string>> = { applied: 'had drifted', 'would-change': 'drifted' };

function showWords(
  { terminal, hostname, settings, drifted = [], diff = [] }: Run,
  outcome: Outcome,
  exitCode: number,
): void {
  const most = settings.verbose ? { most: drifted.length } : {};
  const isToldAnyway =
    (outcome.kind === 'applied' && outcome.repaired !== undefined && !settings.verbose) ||
    (outcome.kind === 'would-change' && outcome.repairs !== undefined);
  if (drifted.length > 0 && !isToldAnyway) {
    const verb = DRIFT_VERBS[outcome.kind] ?? 'drifted and not repaired';
    const line = `${hostname}: ${pathsOf(drifted.length)} ${verb}: ${describeDrift(drifted, most)}`;
    if (exitCode === 0 || outcome.kind === 'would-change') terminal.out(line);
    else terminal.err(line);
  }
  showOutcome({ terminal, hostname }, outcome, exitCode);
  for (const line of diff) terminal.diff(line);
}

function showOutcome({ terminal, hostname }: Pick<Run, 'terminal' | 'hostname'>, outcome: Outcome, code: number): void {
  const sentence = sentenceOf(outcome);
  const hint = hintOf(outcome);
  const output = outputOf(outcome);
  if (sentence === null) {
    terminal.detail(`${hostname}: nothing changed`);
  } else if (code === 0 || outcome.kind === 'would-change') {
    terminal.out(`${hostname}: ${sentence}`);
  } else {
    const printed = output === '' ? '' : `\n    ${indented(output)}`;
    terminal.err(`${hostname}: ${indented(sentence)}${printed}${hint === null ? '' : `\n  ${hint}`}`);
  }
}

function showJson(
  { terminal, hostname, servers, earlier, kept, drifted = [], diff }: Run,
  outcome: Outcome,
  exitCode: number,
): void {
  const { kind, ...fields } = outcome;
  terminal.json({
    hostname,
    server: servers.preferred,
    outcome: kind,
    exitCode,
    sentence: sentenceOf(outcome),
    hint: hintOf(outcome),
    ...fields,
    // What makes a trouble the same is for us to know.
    key: undefined,
    ...(drifted.length === 0 ? {} : { drifted }),
    ...(diff === undefined ? {} : { diff: diff.map(({ text }) => `${text}\n`).join('') }),
    ...(kept === undefined ? {} : { kept }),
    ...(earlier === undefined ? {} : { earlier }),
  });
}
