import { randomUUID } from 'node:crypto';
import type { Report } from '../../protocol/assignment.ts';
import { VERSION } from '../version.ts';
import type { Outcome } from './outcome.ts';
import { type State, withReport } from './state.ts';
import { isWithinDay } from './telling.ts';

const ERROR_LIMIT = 2000;

export interface Ending {
  readonly outcome: Outcome;
  readonly startedAt: Date;
  readonly now: Date;
  /** The outcome is told to the operator now, not just repeated. */
  readonly isTold: boolean;
}

/** Queues a report where something happened, and once a day to say that nothing did. */
export function queueReport(state: State, ending: Ending): State {
  const report = reportOf(state, ending);
  return report === undefined ? state : withReport(state, report, ending.now.toISOString());
}

function reportOf(state: State, { outcome, startedAt, now, isTold }: Ending): Report | undefined {
  const common = {
    runId: randomUUID(),
    startedAt: startedAt.toISOString(),
    durationMs: Math.max(0, now.getTime() - startedAt.getTime()),
    clientVersion: VERSION,
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
      const isDue = state.reportedAt === null || !isWithinDay(state.reportedAt, now.getTime());
      return isDue
        ? { ...common, tag: outcome.tag, digest: outcome.digest, outcome: 'unchanged', changed: 0 }
        : undefined;
    }
    case 'failed': {
      if (!isTold) return undefined;
      const { tag = state.running?.tag ?? null, digest = state.running?.digest ?? null, failure } = outcome;
      return { ...common, tag, digest, outcome: 'failed', changed: 0, error: failure.sentence.slice(0, ERROR_LIMIT) };
    }
    default:
      return undefined;
  }
}
