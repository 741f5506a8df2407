import { readStopFile } from '../adapters/stop-file.ts';
import type { Disabled } from '../core/outcome.ts';
import { heldText, type State } from '../core/state.ts';
import type { Settings } from '../settings/keys.ts';

/** Whether somebody on this host wants nothing to be done, by the stop file or by `tagwave rollback`. */
export function standstill({ disableFile }: Pick<Settings, 'disableFile'>, { held }: State): Disabled | undefined {
  const reason = readStopFile(disableFile);
  if (reason !== undefined) {
    const message = `${disableFile} exists: ${reason.trim() === '' ? '(it gives no reason)' : reason.trim()}`;
    return { kind: 'disabled', message, hint: `Nothing was done. Remove ${disableFile} to go on.`, key: message };
  }
  return held === null ? undefined : heldOutcome(held);
}

export function heldOutcome(held: NonNullable<State['held']>): Disabled {
  const hint = "Nothing was done. 'tagwave resume' goes on to what the server says.";
  return { kind: 'disabled', message: heldText(held), hint, key: `held ${held.at}` };
}
