import type { Context } from '../operations/context.ts';
import type { Settings } from '../settings/settings.ts';
import type { CallerPorts } from './caller.ts';
import type { Limits } from './limits.ts';

/** What the routes work with. */
export interface Door {
  readonly context: Context;
  /** As they stand in effect, at most 50 ms old; until the control files are settled, as they stood at the start. */
  settings(): Settings;
  /** What tells who asks. */
  readonly callers: CallerPorts;
  readonly limits: Limits;
  /** Aborts when the server is told to stop: whoever waits answers at once. */
  readonly stopping: AbortSignal;
  /** Takes the source's tip soon. However many ask meanwhile, at most one more fetch follows the one that runs. */
  fetchSoon(): void;
}

const FRESH_MS = 25;

/** The settings in effect, looked up again where the last look is old. */
export function liveSettings(context: Context, atStart: Settings): () => Settings {
  let settings = atStart;
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    const now = context.clock.monotonic();
    if (now - lookedAt < FRESH_MS) return settings;
    lookedAt = now;
    const state = context.desk.look();
    if (state.kind === 'ready') settings = state.controls.settings;
    return settings;
  };
}
