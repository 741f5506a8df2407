import { createHash } from 'node:crypto';
import type { Insertable, Selectable } from 'kysely';
import type { Told } from '../../ports/store.ts';
import { portions } from './portions.ts';
import type { Db, Schema } from './schema.ts';

/** What was told, less when it began. */
export type Answer = Omit<Told, 'at'>;
export type AnswerRow = Selectable<Schema['answers']>;

/** Whether two answers are the same for a node. Reasons do not count: they are as when the answer began. */
export function sameAnswer(a: Answer, b: Answer): boolean {
  return (
    a.tag === b.tag &&
    a.digest === b.digest &&
    a.outcome === b.outcome &&
    a.hold === b.hold &&
    a.message === b.message &&
    a.wave === b.wave &&
    a.environment === b.environment &&
    a.groups.length === b.groups.length &&
    a.groups.every((group, index) => group === b.groups[index])
  );
}

/** The ids of the rows that hold these answers; rows are made where there are none. */
export async function storeAnswers(tx: Db, answers: ReadonlySet<Answer>): Promise<Map<Answer, number>> {
  const hashes = new Map([...answers].map((answer) => [answer, hashOf(answer)]));
  const byHash = new Map([...hashes].map(([answer, hash]) => [hash, answer]));
  const ids = new Map<string, number>();
  for (const portion of portions([...byHash])) {
    const insert = tx.insertInto('answers').values(portion.map(([hash, answer]) => rowOf(hash, answer)));
    await insert.onConflict((conflict) => conflict.column('hash').doNothing()).execute();
    const wanted = portion.map(([hash]) => hash);
    const stored = await tx.selectFrom('answers').select(['id', 'hash']).where('hash', 'in', wanted).execute();
    for (const { id, hash } of stored) ids.set(hash, id);
  }
  return new Map([...hashes].map(([answer, hash]) => [answer, ids.get(hash) ?? notStored(hash)]));
}

export async function answersById(db: Db, ids: readonly number[]): Promise<Map<number, Answer>> {
  const found = new Map<number, Answer>();
  for (const portion of portions([...new Set(ids)])) {
    const rows = await db.selectFrom('answers').selectAll().where('id', 'in', portion).execute();
    for (const row of rows) found.set(row.id, answerOf(row));
  }
  return found;
}

export function answerOf(row: Omit<AnswerRow, 'id' | 'hash'>): Answer {
  const { environment, wave, outcome, tag, digest, hold, message } = row;
  const lists = { groups: list(row.groups), reasons: list(row.reasons) };
  return { environment, wave, outcome, tag, digest, hold, message, ...lists };
}

function rowOf(hash: string, answer: Answer): Insertable<Schema['answers']> {
  const { environment, wave, outcome, tag, digest, hold, message } = answer;
  const lists = { groups: JSON.stringify(answer.groups), reasons: JSON.stringify(answer.reasons) };
  return { hash, environment, wave, outcome, tag, digest, hold, message, ...lists };
}

function hashOf(answer: Answer): string {
  const { environment, wave, groups, outcome, tag, digest, hold, message, reasons } = answer;
  const parts = [environment, wave, groups, outcome, tag, digest, hold, message, reasons];
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

function notStored(hash: string): never {
  throw new Error(`the answer ${hash} was just stored and is not there`);
}

function list(json: string): readonly string[] {
  return JSON.parse(json) as readonly string[];
}
