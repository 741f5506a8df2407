import { type Failure, systemFailure } from '../core/failure.ts';
import type { Run } from './converge.ts';

/**
 * Tells what went wrong beside what a run is about. The same is told once in a run, however many of its steps meet it: a full
 * disk or a damaged file concerns all of them. Throws on what is no failure of the system.
 */
export function tellAside(run: Run, error: unknown): void {
  const failure = systemFailure(error);
  if (failure === undefined) throw error;
  const { hostname, terminal } = run;
  if (run.asides?.has(failure.sentence)) return;
  isNoAside(run, failure);
  terminal.err(`${hostname}: ${failure.sentence}\n  ${failure.hint}`);
}

/** The run ends with this, which is told in its own way, or was told by a run before. */
export function isNoAside(run: Run, { sentence }: Pick<Failure, 'sentence'>): void {
  run.asides = new Set([...(run.asides ?? []), sentence]);
}
