import { createHash } from 'node:crypto';
import { lookFromText } from '../../core/killswitch.ts';
import type { EventKind } from '../../ports.ts';
import { describeChange } from './control-change.ts';
import { insertEvents } from './events.ts';
import type { Db } from './schema.ts';

export interface ControlText {
  readonly file: string;
  readonly at: number;
  readonly by: string;
  readonly from: string | null;
  readonly why: string | null;
  readonly text: string | null;
  /** Keep the version without an event. */
  readonly quiet?: boolean;
}

const CONTROL_KINDS: readonly EventKind[] = ['mark', 'kill', 'resume', 'pin', 'setting', 'control-file'];
/** The look at the files knows no more than who owns a file; who made an edit may say so shortly after. */
const BETTER_KNOWN_WITHIN_MS = 60_000;

/**
 * Keeps the text as a version, and adds a `control-file` event whose before and after are the lines that differ. Answers
 * false, and does neither, where the file was last recorded with the same text.
 */
export async function recordControl(tx: Db, { file, at, by, from, why, text, quiet }: ControlText): Promise<boolean> {
  const last = await versions(tx, file).executeTakeFirst();
  const hash = text === null ? null : createHash('sha256').update(text).digest('base64url');
  if (last !== undefined && last.text_hash === hash) {
    if (last.by.startsWith('file owner ') && !by.startsWith('file owner ') && at - last.at < BETTER_KNOWN_WITHIN_MS)
      await attribute(tx, { ...last, file, by });
    return false;
  }
  if (hash !== null && text !== null) {
    const known = tx.insertInto('control_texts').values({ hash, text });
    await known.onConflict((conflict) => conflict.column('hash').doNothing()).execute();
  }
  await tx.insertInto('control_versions').values({ file, at, by, text_hash: hash }).execute();
  // That a file which was never there is not there is no change.
  if (quiet === true || (last === undefined && text === null)) return true;
  const change = describeChange(file, last?.text ?? null, text);
  await insertEvents(tx, [
    { at, kind: kindOf(file, last?.text ?? null, text), by, from, subject: file, why, ...change },
  ]);
  return true;
}

/** Somebody who looks for marks finds all of them, whoever wrote them in whatever way. */
function kindOf(file: string, before: string | null, after: string | null): EventKind {
  switch (file) {
    case 'tagstate':
    case 'tagstate in the repository':
      return 'mark';
    case 'pins':
      return 'pin';
    case 'server.yml':
      return 'setting';
    case 'killswitch':
      return stopsMore(before, after) ? 'kill' : 'resume';
    default:
      return 'control-file';
  }
}

/** Whether there is anything in the look that was not there before, be it another message. */
function stopsMore(before: string | null, after: string | null): boolean {
  if (after === null) return false;
  const old = before === null ? null : lookFromText(before);
  const now = lookFromText(after);
  return (
    (now.global !== null && now.global !== old?.global) ||
    (now.doubt !== null && now.doubt !== old?.doubt) ||
    [...now.environments].some(([name, message]) => old?.environments.get(name) !== message)
  );
}

async function attribute(tx: Db, version: { id: number; at: number; file: string; by: string }): Promise<void> {
  const { id, at, file, by } = version;
  await tx.updateTable('control_versions').set({ by }).where('id', '=', id).execute();
  const event = tx.updateTable('events').set({ by }).where('kind', 'in', CONTROL_KINDS);
  await event.where('subject', '=', file).where('at', '=', at).execute();
}

/** The last version recorded of those that were seen by an instant. */
export async function controlAt(db: Db, file: string, at: number): Promise<string | null | undefined> {
  const found = await versions(db, file).where('control_versions.at', '<=', at).executeTakeFirst();
  return found?.text;
}

function versions(db: Db, file: string) {
  return db
    .selectFrom('control_versions')
    .leftJoin('control_texts', 'control_texts.hash', 'control_versions.text_hash')
    .select([
      'control_versions.id',
      'control_versions.at',
      'control_versions.by',
      'control_versions.text_hash',
      'control_texts.text',
    ])
    .where('control_versions.file', '=', file)
    .orderBy('control_versions.id', 'desc')
    .limit(1);
}
