import type { Environment } from '../../protocol/names.ts';
import { killswitchText, readKillswitch } from '../core/killswitch.ts';
import { marksFromJson, marksToJson } from '../core/marks.ts';
import { type FileRules, type Held, lost, type Settled, type Sighting, settle } from '../core/settle.ts';
import { type MarksBefore, type SettledTagstate, settleTagstate } from '../core/settle-tagstate.ts';
import type { ControlFileName, ControlFiles, StateFiles } from '../ports/files.ts';
import type { Saver } from './saver.ts';

/** A control file that took effect, or the killswitch as it now stands. `text` null = absent. */
export interface ControlChange {
  readonly file: string;
  readonly text: string | null;
  /** It was in effect before this process began: nothing changed, but what is recorded may have been lost. */
  readonly known: boolean;
}

/** What each file's keeper works with. */
export interface Tray {
  readonly files: ControlFiles;
  readonly state: StateFiles;
  readonly save: Saver['save'];
  /** Called for each file when it was looked at first, and for each change that took effect. */
  readonly onChange: (change: ControlChange) => void;
}

export interface HeldFile<Meaning> {
  /** The same object as before where nothing changed. */
  look(settleSeconds: number): Settled<Meaning>;
}

/** One file whose last valid text is kept in the state directory. Settling is worked out only when the sighting changed. */
export function heldFile<Meaning>(
  { files, state, save, onChange }: Tray,
  rules: FileRules<Meaning>,
): HeldFile<Meaning> {
  const file = rules.file as ControlFileName;
  const { doubt, ...before } = restored(state, rules);
  let held = before.held;
  let noted = false;
  let last: { readonly sighting: Sighting; readonly result: Settled<Meaning> } | undefined;

  const note = (now: Held<Meaning>): void => {
    const known = held?.text === now.text;
    if (known && noted) return;
    noted = true;
    if (!known && now.text !== null) save(`last-valid/${file}`, now.text);
    onChange({ file, text: now.text, known });
  };

  return {
    look(settleSeconds) {
      const sighting = files.sighting(file, settleSeconds);
      if (last?.sighting.look === sighting.look && last.sighting.settled === sighting.settled) return last.result;
      const unknown = doubt !== undefined && held === undefined && sighting.look.kind === 'absent' && sighting.settled;
      const result = unknown ? lost(rules, doubt) : settle(rules, sighting, held);
      if (result.held !== undefined) note(result.held);
      held = result.held;
      last = { sighting, result };
      return result;
    },
  };
}

interface Restored<Meaning> {
  readonly held?: Held<Meaning>;
  /** Why the last valid text, which there is, cannot be used. */
  readonly doubt?: string;
}

function restored<Meaning>(state: StateFiles, rules: FileRules<Meaning>): Restored<Meaning> {
  try {
    const text = state.read(`last-valid/${rules.file}`);
    if (text === undefined) return {};
    const parsed = rules.parse(text);
    return parsed.ok ? { held: { text, meaning: parsed.value } } : { doubt: 'it is not valid any more' };
  } catch (error) {
    return { doubt: error instanceof Error ? error.message : String(error) };
  }
}

export interface HeldMarks {
  look(settleSeconds: number, environments: ReadonlySet<Environment>): SettledTagstate;
}

export const MARKS_IN_EFFECT = 'marks-in-effect.json';

/** The marks of `tagstate` that are in effect, kept in the state directory as they are: the file alone does not say them. */
export function heldMarks({ files, state, save, onChange }: Tray): HeldMarks {
  const stored = restoredMarks(state);
  let before: MarksBefore = stored.marks;
  let written = stored.text;
  let noted = false;
  let last:
    | { readonly sighting: Sighting; readonly environments: ReadonlySet<Environment>; readonly result: SettledTagstate }
    | undefined;

  const note = (inEffect: NonNullable<MarksBefore['inEffect']>): void => {
    const text = marksToJson(inEffect);
    const known = text === written;
    if (known && noted) return;
    noted = true;
    if (!known) save(MARKS_IN_EFFECT, text);
    written = text;
    onChange({ file: MARKS_IN_EFFECT, text, known });
  };

  return {
    look(settleSeconds, environments) {
      const sighting = files.sighting('tagstate', settleSeconds);
      const same = last?.sighting.look === sighting.look && last.sighting.settled === sighting.settled;
      if (last && same && last.environments === environments) return last.result;
      const result = settleTagstate(sighting, before, environments);
      if (result.inEffect !== undefined) {
        note(result.inEffect);
        before = { inEffect: result.inEffect };
      }
      if (!same && sighting.settled && sighting.look.kind !== 'unreadable')
        onChange({
          file: 'tagstate',
          text: sighting.look.kind === 'text' ? sighting.look.text : null,
          known: last === undefined && stored.marks.inEffect !== undefined,
        });
      last = { sighting, environments, result };
      return result;
    },
  };
}

function restoredMarks(state: StateFiles): { readonly text: string | undefined; readonly marks: MarksBefore } {
  try {
    const text = state.read(MARKS_IN_EFFECT);
    if (text === undefined) return { text, marks: {} };
    const read = marksFromJson(text);
    return { text, marks: read.ok ? { inEffect: read.marks } : { doubt: read.sentence } };
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { text: undefined, marks: { doubt: `the marks in effect cannot be read: ${why}` } };
  }
}

export interface SeenKillswitch {
  look(environments: ReadonlySet<Environment>): ReturnType<typeof readKillswitch>;
}

export function seenKillswitch({ files, onChange }: Tray): SeenKillswitch {
  let last:
    | {
        readonly key: string | null;
        readonly environments: ReadonlySet<Environment>;
        readonly result: ReturnType<typeof readKillswitch>;
      }
    | undefined;
  return {
    look(environments) {
      const seen = files.killswitch();
      const key = killswitchText(seen);
      if (last?.key === key && last.environments === environments) return last.result;
      const result = readKillswitch(seen, environments);
      if (last?.key !== key) onChange({ file: 'killswitch', text: key, known: last === undefined && key === null });
      last = { key, environments, result };
      return result;
    },
  };
}
