import type * as z from 'zod/mini';
import type { Report } from '../../protocol/assignment.ts';
import type { plannedRun, stateSchema, whereabouts } from './state-schema.ts';

/** What a host remembers from run to run. All of it may be lost: then things are asked, told and reported once more. */
export type State = z.infer<typeof stateSchema>;
export type PlannedRun = z.infer<typeof plannedRun>;
export type Whereabouts = z.infer<typeof whereabouts>;

export const EMPTY_STATE: State = {
  version: 1,
  machineName: null,
  server: null,
  known: null,
  answer: null,
  running: null,
  previous: null,
  activating: null,
  returning: null,
  refused: null,
  held: null,
  cleaning: {},
  told: null,
  last: null,
  drift: null,
  facts: null,
  reportedAt: null,
  reports: [],
  reportProblem: null,
};

/** What `current` points at is the release that was being put into use: from here on it is what the host runs. */
export function withActivated(state: State): State {
  const { activating, running, previous } = state;
  if (activating === null) return state;
  const { tag, digest, release } = activating;
  // A copy of the same view in place of a damaged one leaves the way back as it was.
  const before = running !== null && running.digest !== digest ? running : previous;
  return { ...state, running: { tag, digest, release }, previous: before, activating: null };
}

const QUEUE_LIMIT = 8;

/** Adds a report to those that wait; of several `unchanged` only the last matters, and the oldest give way. */
export function withReport(state: State, report: Report, at: string): State {
  const others = state.reports.filter(({ outcome }) => outcome !== 'unchanged');
  return { ...state, reports: [...others, report].slice(-QUEUE_LIMIT), reportedAt: at };
}

/** As in `held at trunk (sha256:0123456789abcdef) by tagwave rollback since 2026-11-20T08:00:00.000Z: broke ntp`. */
export function heldText({ tag, digest, release, at, reason }: NonNullable<State['held']>): string {
  const what = digest === null ? release : `${tag ?? 'an unknown tag'} (${digest.slice(0, 'sha256:'.length + 16)})`;
  return `held at ${what} by tagwave rollback since ${at}${reason === null ? '' : `: ${reason}`}`;
}
