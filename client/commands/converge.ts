import { randomUUID } from 'node:crypto';
import type { Assignment } from '../../protocol/assignment.ts';
import type { Digest, Hostname } from '../../protocol/names.ts';
import type { Layout } from '../adapters/layout.ts';
import { activate, readCurrent, readManifest } from '../adapters/releases.ts';
import { askAssignment, type Servers } from '../adapters/servers.ts';
import { type Staged, stage } from '../adapters/stage.ts';
import { writeState } from '../adapters/state-file.ts';
import { syncTree } from '../adapters/sync.ts';
import type { Answer, Question } from '../core/answer.ts';
import { differenceOf, sizeOf } from '../core/difference.ts';
import { systemFailure } from '../core/failure.ts';
import type { Outcome } from '../core/outcome.ts';
import { isNameOf } from '../core/release-name.ts';
import type { State } from '../core/state.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';

/** One run on one target. `state` grows while it goes on and is written by whoever runs it. */
export interface Run {
  readonly settings: Settings;
  readonly hostname: Hostname;
  readonly layout: Layout;
  readonly servers: Servers;
  readonly terminal: Terminal;
  readonly startedAt: Date;
  state: State;
}

export interface InUse {
  /** The release's name below releases/. */
  readonly name: string;
  /** Undefined when it cannot be told without reading every file. */
  readonly digest: Digest | undefined;
}

/** What the host runs: the link decides, what is remembered only spares hashing the manifest. */
export function inUse({ layout, state }: Pick<Run, 'layout' | 'state'>): InUse | undefined {
  const current = readCurrent(layout);
  if (current.kind !== 'release') return undefined;
  const remembered = state.running?.release === current.name ? state.running.digest : undefined;
  const digest =
    remembered !== undefined && isNameOf(current.name, remembered)
      ? remembered
      : readManifest(layout, current.name)?.digest;
  return { name: current.name, digest };
}

/** Asks, stages, asks again, flips. Nothing is flipped that is not the answer at the end. */
export async function converge(run: Run): Promise<Outcome> {
  let answer = await question(run, { mayBeKnown: true });
  for (let round = 1; round <= 2; round++) {
    if (answer.kind === 'ended') return answer.outcome;
    const { assignment } = answer;
    if (inUse(run)?.digest === assignment.digest) return settle(run, assignment);
    const staged = await stage({
      layout: run.layout,
      servers: run.servers,
      assignment,
      detail: run.terminal.detail,
      progress: run.terminal.progress,
    });
    if (!staged.ok) return { kind: 'failed', failure: staged.failure, tag: assignment.tag, digest: assignment.digest };
    run.terminal.detail(
      `${staged.value.reused ? 'found' : 'staged'} releases/${staged.value.name}: every hash is right`,
    );
    if (inUse(run)?.name === staged.value.name) return settle(run, assignment, staged.value);
    answer = await question(run, { mayBeKnown: false });
    if (answer.kind === 'serve' && answer.assignment.digest === assignment.digest)
      return flip(run, answer.assignment, staged.value);
    if (answer.kind === 'serve') run.terminal.detail(`the answer changed to ${answer.assignment.tag} meanwhile`);
  }
  return answer.kind === 'ended' ? answer.outcome : changedTwice(answer.assignment);
}

type Asked =
  | { readonly kind: 'serve'; readonly assignment: Assignment }
  | { readonly kind: 'ended'; readonly outcome: Outcome };

/** `mayBeKnown`: 304 will do, if what it stands for is what is in use. */
export async function question(run: Run, { mayBeKnown }: { readonly mayBeKnown: boolean }): Promise<Asked> {
  const asked = questionOf(run, mayBeKnown);
  const found = await askAssignment(run.servers, asked);
  if (found.kind === 'nobody') {
    const sentence = `no server answered: ${found.why.join('; ')}`;
    return failedWith(
      sentence,
      'Nothing was changed; the next run tries again. Look at the server, the network, and --server.',
    );
  }
  remember(run, asked, found.value);
  return outcomeOf(run, found.value);
}

function questionOf(run: Run, mayBeKnown: boolean): Question {
  const { hostname, state, settings } = run;
  const running = inUse(run)?.digest;
  const { known } = state;
  const isKnown =
    known !== null && known.hostname === hostname && known.tag === (settings.tag ?? null) && known.digest === running;
  return { hostname, tag: settings.tag, etag: mayBeKnown && isKnown ? known.etag : undefined, running };
}

function remember(run: Run, { hostname, tag }: Question, answer: Answer): void {
  const { state } = run;
  const assignment = answer.kind === 'serve' ? answer.assignment : undefined;
  const etag = answer.kind === 'serve' ? answer.etag : undefined;
  const isSame = answer.kind === 'same';
  run.terminal.detail(
    `${run.servers.preferred} answers: ${assignment ? `${assignment.tag} (${assignment.digest})` : answer.kind}`,
  );
  for (const reason of reasonsOf(answer)) run.terminal.detail(`  ${reason}`);
  run.state = {
    ...state,
    server: run.servers.preferred,
    known:
      assignment && etag !== undefined
        ? { hostname, tag: tag ?? null, digest: assignment.digest, etag }
        : isSame
          ? state.known
          : null,
    answer: {
      at: new Date().toISOString(),
      outcome: isSame ? (state.answer?.outcome ?? 'serve') : answer.kind,
      tag: isSame ? (state.answer?.tag ?? null) : (assignment?.tag ?? null),
      digest: isSame ? (state.answer?.digest ?? null) : (assignment?.digest ?? null),
      environment: isSame ? (state.answer?.environment ?? null) : (assignment?.environment ?? null),
      message: messageOf(answer),
    },
  };
}

function reasonsOf(answer: Answer): readonly string[] {
  if (answer.kind === 'serve') return answer.assignment.reasons;
  return answer.kind === 'hold' || answer.kind === 'killswitch' ? answer.reasons : [];
}

function messageOf(answer: Answer): string | null {
  if (answer.kind === 'unintelligible') return answer.why;
  return 'message' in answer ? answer.message : null;
}

function outcomeOf(run: Run, answer: Answer): Asked {
  switch (answer.kind) {
    case 'serve':
      return answer;
    case 'same':
      return {
        kind: 'ended',
        outcome: { kind: 'unchanged', tag: run.state.running?.tag ?? null, digest: run.state.running?.digest ?? null },
      };
    case 'killswitch':
    case 'hold':
      return { kind: 'ended', outcome: answer };
    case 'refused':
      return failedWith(
        `the server refuses (${answer.status}): ${answer.message}`,
        answer.hint ?? 'Nothing was changed. Look at the flags, and at what the server allows.',
      );
    case 'unintelligible':
      return failedWith(
        `cannot understand ${run.servers.preferred}: ${answer.why}`,
        'Nothing was changed. Look whether the URL is a Tagwave server, and at what stands between it and this host.',
      );
  }
}

function failedWith(sentence: string, hint: string): Asked {
  return { kind: 'ended', outcome: { kind: 'failed', failure: { sentence, hint } } };
}

function changedTwice({ tag, digest }: Assignment): Outcome {
  return {
    kind: 'failed',
    tag,
    digest,
    failure: {
      sentence: 'the answer changed twice while its files were staged',
      hint: 'Nothing was flipped; what was staged is kept, and the next run goes on with it.',
    },
  };
}

/** The right content is in use already: only its tag may have another name now, or what was known of it was lost. */
function settle(run: Run, { tag, digest }: Assignment, staged?: Staged): Outcome {
  const release = staged?.name ?? inUse(run)?.name;
  if (release !== undefined) run.state = { ...run.state, running: { tag, digest, release } };
  return { kind: 'unchanged', tag, digest };
}

/** Writes down what it is about to do first, so that the next run can tell and report it if this one is killed. */
async function flip(run: Run, { tag, digest }: Assignment, { name, entries }: Staged): Promise<Outcome> {
  const before = inUse(run);
  const old = before && readManifest(run.layout, before.name);
  const changed = sizeOf(differenceOf(old?.entries ?? [], entries));
  const activating = {
    tag,
    digest,
    release: name,
    runId: randomUUID(),
    startedAt: run.startedAt.toISOString(),
    changed,
    files: entries.length,
    isFirst: before === undefined,
  };
  try {
    run.state = { ...run.state, activating };
    writeState(run.layout, run.state);
    await syncTree(run.layout.releases);
    run.servers.signal.throwIfAborted();
    activate(run.layout, name);
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return { kind: 'failed', failure, tag, digest };
  }
  return { kind: 'applied', ...activating };
}
