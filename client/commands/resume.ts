import { writeState } from '../adapters/state-file.ts';
import { systemFailure } from '../core/failure.ts';
import { heldText } from '../core/state.ts';
import { show } from './conclude.ts';
import type { Run } from './converge.ts';
import { openRun, type PollContext, refuse, underLock } from './poll.ts';

/** Ends what `rollback` began: the next run asks a server again. Answers the exit code. */
export async function resume(context: PollContext): Promise<number> {
  const opened = await openRun(context, { needsServer: false });
  if (typeof opened === 'string') return refuse(context.terminal, opened);
  const done = await underLock(context, opened, async (run) => release(run));
  return typeof done === 'number' ? done : show(opened, done);
}

function release(run: Run): number {
  const { hostname, layout, settings, state, terminal } = run;
  const { held } = state;
  const sentence =
    held === null ? 'was not held' : `no longer ${heldText(held)}; the next run asks what it should have`;
  try {
    if (held !== null) writeState(layout, { ...state, held: null });
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return show(run, { kind: 'failed', failure });
  }
  if (settings.json) terminal.json({ hostname, outcome: 'resumed', exitCode: 0, sentence, wasHeld: held !== null });
  else terminal.out(`${hostname}: ${sentence}`);
  return 0;
}
