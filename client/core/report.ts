import { randomUUID } from 'node:crypto';
import type { Report } from '../../protocol/assignment.ts';
import { VERSION } from '../version.ts';
import { type Drifted, reportedDrift } from './drift.ts';
import { type Facts, isSameFacts } from './facts.ts';
import { type Outcome, outputOf, sentenceOf } from './outcome.ts';
import { type State, withReport } from './state.ts';
import { isWithinDay } from './telling.ts';

const ERROR_LIMIT = 8000;
const SENTENCE_LIMIT = 2000;

export interface Ending {
  readonly outcome: Outcome;
  readonly startedAt: Date;
  readonly now: Date;
  /** The outcome is told to the operator now, not just repeated. */
  readonly isTold: boolean;
  /** What was found that was not as its manifest says. */
  readonly drifted?: readonly Drifted[];
  /** What the host says of itself now. */
  readonly facts: Facts;
}

/** Queues a report where something happened, and once a day to say that nothing did. */
export function queueReport(state: State, ending: Ending): State {
  const report = reportOf(state, ending);
  return report === undefined
    ? state
    : { ...withReport(state, report, ending.now.toISOString()), facts: { ...ending.facts } };
}

function reportOf(state: State, { outcome, startedAt, now, isTold, drifted = [], facts }: Ending): Report | undefined {
  const found = reportedDrift(drifted);
  const isNews = state.facts === null || !isSameFacts(state.facts, facts);
  const common = {
    runId: randomUUID(),
    startedAt: startedAt.toISOString(),
    durationMs: Math.max(0, now.getTime() - startedAt.getTime()),
    clientVersion: VERSION,
    facts: { ...facts },
    ...(found === undefined ? {} : { drifted: found }),
  };
  switch (outcome.kind) {
    case 'applied':
      return {
        ...common,
        runId: outcome.runId,
        tag: outcome.tag,
        digest: outcome.digest,
        outcome: 'applied',
        changed: outcome.changed,
      };
    case 'unchanged': {
      const isDue =
        isNews || state.reportedAt === null || wasAtStandstill(state) || !isWithinDay(state.reportedAt, now.getTime());
      return isDue
        ? { ...common, tag: outcome.tag, digest: outcome.digest, outcome: 'unchanged', changed: 0 }
        : undefined;
    }
    case 'failed': {
      if (!isTold) return undefined;
      const { tag = state.running?.tag ?? null, digest = state.running?.digest ?? null } = outcome;
      return { ...common, tag, digest, outcome: 'failed', changed: 0, error: errorOf(outcome) };
    }
    case 'refused':
      if (!isTold) return undefined;
      return {
        ...common,
        tag: outcome.tag,
        digest: outcome.digest,
        outcome: 'refused',
        changed: 0,
        error: errorOf(outcome),
      };
    case 'rolled-back': {
      const { runId, tag, digest, changed } = outcome;
      return { ...common, runId, tag, digest, outcome: 'rolled-back', changed, error: errorOf(outcome) };
    }
    case 'disabled': {
      if (!isTold) return undefined;
      const { tag = null, digest = null } = state.running ?? {};
      return { ...common, tag, digest, outcome: 'disabled', changed: 0, error: errorOf(outcome) };
    }
    case 'hold': {
      // It may be held because the server does not know yet what its layers and templates go by.
      const { tag = null, digest = null } = state.running ?? {};
      return isNews ? { ...common, tag, digest, outcome: 'unchanged', changed: 0 } : undefined;
    }
    default:
      return undefined;
  }
}

/** What was last told of the host is over: that is news too. */
function wasAtStandstill({ told }: State): boolean {
  return told?.kind === 'disabled' || told?.kind === 'refused';
}

/** The sentence, and of what was printed as much of the end as fits. */
function errorOf(outcome: Outcome): string {
  const sentence = (sentenceOf(outcome) ?? '').slice(0, SENTENCE_LIMIT);
  const output = outputOf(outcome);
  return output === '' ? sentence : `${sentence}\n${output.slice(-(ERROR_LIMIT - sentence.length - 1))}`;
}
