import type { Assignment } from '../../protocol/assignment.ts';
import type { Digest, Hostname } from '../../protocol/names.ts';
import type { Layout } from '../adapters/layout.ts';
import { readManifest } from '../adapters/releases.ts';
import { askAssignment, type Servers } from '../adapters/servers.ts';
import { ago } from '../core/age.ts';
import type { Answer, Question } from '../core/answer.ts';
import type { Drifted } from '../core/drift.ts';
import { type Applied, failedBecause, type Outcome, type RolledBack } from '../core/outcome.ts';
import type { Kept, Place } from '../core/place.ts';
import { isNameOf } from '../core/release-name.ts';
import type { State } from '../core/state.ts';
import type { DiffLine } from '../core/unified.ts';
import type { Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import { isDamaged } from './damage.ts';

/** One run on one target. `state` grows while it goes on and is written by whoever runs it. */
export interface Run {
  readonly settings: Settings;
  readonly hostname: Hostname;
  readonly layout: Layout;
  readonly place: Place;
  readonly servers: Servers;
  readonly terminal: Terminal;
  readonly startedAt: Date;
  /** Content that failed before is tried again. */
  readonly retry?: boolean;
  state: State;
  /** What a run that was killed after its flip could not tell any more. */
  earlier?: Applied | RolledBack;
  /** What became of others' work, where that is not told in words. */
  kept?: readonly Kept[];
  /** What of the release in use was not as its manifest says when this run began. */
  drifted?: readonly Drifted[];
  /** Sentences on what went wrong beside it that were told. */
  asides?: ReadonlySet<string>;
  /** Of a dry run: what would be other than it is. */
  diff?: readonly DiffLine[];
}

export interface InUse {
  /** The release's name below releases/. */
  readonly name: string;
  /** By its manifest; undefined when that is gone. */
  readonly digest: Digest | undefined;
  /** A run remembers that it put this into use. Otherwise every file is read before it is believed. */
  readonly isSure: boolean;
}

/** What the host runs: the disk decides, what is remembered only spares hashing the manifest. */
export function inUse({ layout, place, state }: Pick<Run, 'layout' | 'place' | 'state'>): InUse | undefined {
  const current = place.inUse();
  if (current === undefined) return undefined;
  const { running } = state;
  if (running?.release === current.name && isNameOf(current.name, running.digest))
    return { name: current.name, digest: running.digest, isSure: true };
  return { name: current.name, digest: readManifest(layout, current.name)?.digest, isSure: false };
}

/** Asks, and where the answer is not what is in use as it should be, changes that. */
export async function converge(run: Run): Promise<Outcome> {
  let answer = await question(run, { mayBeKnown: true });
  const isToMend = await isDamaged(run);
  // An answer that says `same` has no links to fetch anything by.
  if (isToMend && answer.kind === 'ended' && answer.outcome.kind === 'unchanged')
    answer = await question(run, { mayBeKnown: false });
  if (answer.kind === 'ended') return answer.outcome;
  const { assignment } = answer;
  const before = inUse(run);
  if (!isToMend && before?.isSure && before.digest === assignment.digest) return settle(run, assignment, before.name);
  // Few runs change anything: what it takes is loaded for those.
  return (await import('./renew.ts')).renew(run, assignment, { isToMend });
}

export type Asked =
  | { readonly kind: 'serve'; readonly assignment: Assignment }
  | { readonly kind: 'ended'; readonly outcome: Outcome };

/** `mayBeKnown`: 304 will do, if what it stands for is what is in use. */
export async function question(run: Run, { mayBeKnown }: { readonly mayBeKnown: boolean }): Promise<Asked> {
  const { trouble } = run.servers.identity;
  if (trouble !== undefined) return ended({ kind: 'failed', failure: trouble });
  const asked = questionOf(run, mayBeKnown);
  const found = await askAssignment(run.servers, asked);
  if (found.kind === 'nobody') {
    return ended(failedBecause(`no server answered: ${found.why.join('; ')}`, silenceHint(run.state)));
  }
  remember(run, asked, found.value);
  return outcomeOf(run, found.value);
}

/** What is in use stays in use; how old that may be by now decides how soon somebody should look. */
function silenceHint({ running, answer }: State): string {
  const since = running === null || answer === null ? '' : ` ${stays(running.tag, answer.at)}`;
  return `Nothing was changed; the next run tries again.${since} Look at the server, the network, and --server.`;
}

function stays(tag: string, answeredAt: string): string {
  return `It stays on ${tag}; a server last answered ${ago(answeredAt, Date.now())}.`;
}

function questionOf(run: Run, mayBeKnown: boolean): Question {
  const { hostname, state, settings } = run;
  const running = inUse(run);
  const { known } = state;
  const isKnown =
    known?.hostname === hostname && known.tag === (settings.tag ?? null) && known.digest === running?.digest;
  const etag = mayBeKnown && isKnown && running?.isSure ? known.etag : undefined;
  return { hostname, tag: settings.tag, etag, running: running?.digest };
}

function remember(run: Run, { hostname, tag }: Question, answer: Answer): void {
  const { state, terminal, servers } = run;
  const at = new Date().toISOString();
  terminal.detail(`${servers.preferred} answers: ${describe(answer)}`);
  for (const reason of reasonsOf(answer)) terminal.detail(`  ${reason}`);
  run.state = { ...state, server: servers.preferred, known: answer.kind === 'same' ? state.known : null };
  if (answer.kind === 'same') {
    run.state.answer = state.answer && { ...state.answer, at };
  } else if (answer.kind === 'serve') {
    const { assignment, etag } = answer;
    const { digest, environment } = assignment;
    run.state.answer = { at, outcome: 'serve', tag: assignment.tag, digest, environment, message: null };
    if (etag !== undefined) run.state.known = { hostname, tag: tag ?? null, digest, etag };
  } else {
    const message = answer.kind === 'unintelligible' ? answer.why : answer.message;
    run.state.answer = { at, outcome: answer.kind, tag: null, digest: null, environment: null, message };
  }
}

function describe(answer: Answer): string {
  return answer.kind === 'serve' ? `${answer.assignment.tag} (${answer.assignment.digest})` : answer.kind;
}

function reasonsOf(answer: Answer): readonly string[] {
  if (answer.kind === 'serve') return answer.assignment.reasons;
  return answer.kind === 'hold' || answer.kind === 'killswitch' ? answer.reasons : [];
}

async function outcomeOf(run: Run, answer: Answer): Promise<Asked> {
  switch (answer.kind) {
    case 'serve':
      return answer;
    case 'same': {
      const { tag = null, digest = null } = run.state.running ?? {};
      return ended({ kind: 'unchanged', tag, digest });
    }
    case 'killswitch':
    case 'hold':
      return ended(answer);
    case 'refused': {
      const { whyRefused } = await import('../core/refusal.ts');
      return ended({ kind: 'failed', failure: whyRefused(answer, run.servers.identity) });
    }
    case 'unintelligible': {
      const hint = 'Nothing was changed. Is the URL a Tagwave server, and what stands between it and this host?';
      return ended(failedBecause(`cannot understand ${run.servers.preferred}: ${answer.why}`, hint));
    }
  }
}

function ended(outcome: Outcome): Asked {
  return { kind: 'ended', outcome };
}

/** The right content is in use already: only its tag may have another name now, or what was known of it was lost. */
export function settle(run: Run, { tag, digest }: Assignment, release: string): Outcome {
  run.state = { ...run.state, running: { tag, digest, release } };
  return { kind: 'unchanged', tag, digest };
}
