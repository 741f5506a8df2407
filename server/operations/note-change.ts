import type { ControlFiles, Log } from '../ports.ts';
import { THE_SERVER } from './context.ts';
import type { ControlChange } from './held.ts';
import type { Journal } from './journal.ts';
import type { Timekeeper } from './timekeeper.ts';

export interface NoteChangePorts {
  readonly journal: Journal;
  readonly time: Timekeeper;
  readonly files: ControlFiles;
  readonly log: Log;
}

/** Records a control file that took effect, as its owner's doing where nobody said that it was theirs. */
export function noteChange({ journal, time, files, log }: NoteChangePorts, { file, text, known }: ControlChange): void {
  const at = time.now();
  const quiet = file.endsWith('.json');
  const who = quiet ? THE_SERVER : { by: `file owner ${files.ownerOf(file)}`, from: 'file' };
  if (!quiet && !known) log.info('a control file took effect', { file, absent: text === null });
  journal.write((store) => store.recordControl({ file, at, ...who, why: null, text, quiet }));
}
