import type { Problem } from '../core/problem.ts';

/** That nothing can be written to the history, or nothing where all is well. */
export function historyProblem(reason: string | null): Problem[] {
  if (reason === null) return [];
  const sentence = `the history cannot be written (${reason}); decisions are not affected, reports cannot be taken`;
  return [
    {
      id: 'history:unwritable',
      severity: 'error',
      sentence,
      hint: 'make room on the disk, and see that the server may write its state directory',
    },
  ];
}

/** That what is in effect cannot be kept in the state directory, or nothing where all is well. */
export function stateProblem(stateDir: string, reason: string | null): Problem[] {
  if (reason === null) return [];
  const sentence = `what is in effect could not be kept for a restart (${reason}); it holds all the same`;
  return [
    {
      id: 'state:unwritable',
      severity: 'error',
      sentence,
      hint: `make ${stateDir} writable for the server, with room on its disk`,
    },
  ];
}
