import type { NewEvent } from '../core/event.ts';
import { withoutSecrets } from '../core/masking.ts';
import type { Log } from '../ports/common.ts';
import type { ControlFiles } from '../ports/files.ts';
import type { Store } from '../ports/store.ts';
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

const SETTINGS = 'server.yml';

/** Records a control file that took effect, as its owner's doing where nobody said that it was theirs. */
export function noteChange({ journal, time, files, log }: NoteChangePorts, { file, text, known }: ControlChange): void {
  const at = time.now();
  const quiet = file.endsWith('.json');
  const who = quiet ? THE_SERVER : { by: ownerOf(files, file), from: 'file' };
  if (!quiet && !known) log.info('a control file took effect', { file, absent: text === null });
  if (file === SETTINGS) journal.write((store) => recordSettings(store, { text, known, noted: { at, ...who } }));
  else journal.write((store) => store.recordControl({ file, at, ...who, why: null, text, quiet }));
}

export function ownerOf(files: ControlFiles, file: string): string {
  return `file owner ${files.ownerOf(file)}`;
}

/** Without the passwords that URLs may carry. That one of them changed is an event all the same. */
async function recordSettings(
  store: Store,
  change: Omit<ControlChange, 'file'> & { readonly noted: Pick<NewEvent, 'at' | 'by' | 'from'> },
): Promise<void> {
  const { noted, known } = change;
  const text = change.text === null ? null : withoutSecrets(change.text);
  const isRecorded = await store.recordControl({ file: SETTINGS, ...noted, why: null, text });
  if (isRecorded || known || text === change.text) return;
  const summary = `${SETTINGS}: a password or token in a URL changed, which is not kept`;
  const nothing = { before: null, after: null, why: null };
  await store.addEvents([{ ...noted, kind: 'setting', subject: SETTINGS, ...nothing, summary }]);
}
