import { createHash } from 'node:crypto';
import type { EventKind, NewEvent } from '../../core/event.ts';
import { lookFromText } from '../../core/killswitch.ts';
import { appendEvents } from './chain.ts';
import { describeChange } from './control-change.ts';
import type { Db } from './schema.ts';

export interface ControlText {
  readonly file: string;
  readonly at: number;
  readonly by: string;
  readonly from: string | null;
  readonly why: string | null;
  readonly text: string | null;
  /** What the file held when whoever says that the change is theirs edited it, and whose file it is. */
  readonly before?: { readonly text: string | null; readonly by: string };
  /** Keep the version without an event. */
  readonly quiet?: boolean;
}

interface Version {
  readonly id: number;
  readonly at: number;
  readonly by: string;
  readonly text_hash: string | null;
  readonly text: string | null;
}

const CONTROL_KINDS: readonly EventKind[] = ['mark', 'kill', 'resume', 'pin', 'setting', 'control-file'];
const OWNER = 'file owner ';
/** Where a file was found changed: nobody has said that it was theirs. */
const FOUND = 'file';
/** The look at the files knows no more than who owns a file; who made an edit may say so shortly after. */
const MAY_CLAIM_WITHIN_MS = 60_000;

/**
 * Keeps the text as a version, and adds an event whose before and after are the lines that differ. Answers false, and does
 * neither, where the file was last recorded with the same text; if that was found rather than said, and somebody now says
 * that it is theirs, an event more says so. What somebody else had changed in the file before is recorded first.
 */
export async function recordControl(tx: Db, change: ControlText): Promise<boolean> {
  const { file, at, text, before } = change;
  const last = await lastVersion(tx, file);
  const hash = hashOf(text);
  if (last !== undefined && last.text_hash === hash) {
    if (mayClaim(change, last)) await claim(tx, last, change);
    return false;
  }
  if (last === undefined || before === undefined || hashOf(before.text) === last.text_hash) {
    await addVersion(tx, change, last);
    return true;
  }
  if (last.at > at) {
    await recordLate(tx, change, before.text);
    return true;
  }
  const found = { file, at, by: before.by, from: FOUND, why: null, text: before.text };
  await addVersion(tx, found, last);
  await addVersion(tx, change, await lastVersion(tx, file));
  return true;
}

function hashOf(text: string | null): string | null {
  return text === null ? null : createHash('sha256').update(text).digest('base64url');
}

async function addVersion(tx: Db, change: ControlText, last: Version | undefined): Promise<void> {
  const { file, at, by, text, quiet } = change;
  const hash = hashOf(text);
  if (hash !== null && text !== null) {
    const known = tx.insertInto('control_texts').values({ hash, text });
    await known.onConflict((conflict) => conflict.column('hash').doNothing()).execute();
  }
  await tx.insertInto('control_versions').values({ file, at, by, text_hash: hash }).execute();
  // That a file which was never there is not there is no change.
  if (quiet === true || (last === undefined && text === null)) return;
  await appendEvents(tx, [eventOf(change, last?.text ?? null, text)]);
}

function eventOf({ file, at, by, from, why }: ControlText, before: string | null, after: string | null): NewEvent {
  return {
    at,
    kind: kindOf(file, before, after),
    by,
    from,
    subject: file,
    why,
    ...describeChange(file, before, after),
  };
}

function mayClaim({ at, from }: ControlText, version: Version): boolean {
  return version.by.startsWith(OWNER) && from !== FOUND && Math.abs(at - version.at) < MAY_CLAIM_WITHIN_MS;
}

/** Another process has recorded its later edit first: the file is no longer as this one left it. */
async function recordLate(tx: Db, change: ControlText, before: string | null): Promise<void> {
  const { file, at, text } = change;
  const same = versions(tx, file).where('control_versions.text_hash', 'is', hashOf(text));
  const found = await same.where('control_versions.at', '>=', at).executeTakeFirst();
  if (found !== undefined && mayClaim(change, found)) await claim(tx, found, change);
  else await appendEvents(tx, [eventOf(change, before, text)]);
}

/** Events are never changed: one more says whose change it was. */
async function claim(tx: Db, version: Version, change: ControlText): Promise<void> {
  const { file, by } = change;
  const previous = await versions(tx, file).where('control_versions.id', '<', version.id).executeTakeFirst();
  const told = tx.selectFrom('events').select('id').where('subject', '=', file).where('kind', 'in', CONTROL_KINDS);
  const found = await told.where('at', '=', version.at).orderBy('id', 'desc').limit(1).executeTakeFirst();
  if (found === undefined) return;
  const event = eventOf(change, previous?.text ?? null, version.text);
  const summary = `${event.summary}: what event ${found.id} says of ${version.by} was their doing`;
  await appendEvents(tx, [{ ...event, summary }]);
  // So that nobody else can say the same of it.
  await tx.updateTable('control_versions').set({ by }).where('id', '=', version.id).execute();
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

/** The last version recorded of those that were seen by an instant. */
export async function controlAt(db: Db, file: string, at: number): Promise<string | null | undefined> {
  const found = await versions(db, file).where('control_versions.at', '<=', at).executeTakeFirst();
  return found?.text;
}

function lastVersion(db: Db, file: string): Promise<Version | undefined> {
  return versions(db, file).executeTakeFirst();
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
