import type { TagName } from '../../../protocol/names.ts';
import type { TagRecord } from '../../core/tag.ts';
import { portions } from './portions.ts';
import type { Db } from './schema.ts';

/** A tag that was pruned stays so: its name is never made again. */
export async function copyTags(tx: Db, records: readonly TagRecord[]): Promise<void> {
  const rows = new Map(records.map((record) => [record.name, rowOf(record)]));
  for (const portion of portions([...rows.values()])) {
    await tx
      .insertInto('tags')
      .values(portion)
      .onConflict((conflict) =>
        conflict
          .column('name')
          .doUpdateSet(({ ref }) => ({ created: ref('excluded.created'), record: ref('excluded.record') }))
          // Copying everything again, as is done at every start, writes nothing.
          .whereRef('excluded.record', '<>', 'tags.record'),
      )
      .execute();
  }
}

export async function markPruned(tx: Db, names: readonly TagName[], at: number): Promise<void> {
  for (const portion of portions(names)) {
    await tx
      .updateTable('tags')
      .set({ pruned_at: at })
      .where('name', 'in', portion)
      .where('pruned_at', 'is', null)
      .execute();
  }
}

/** Oldest first. */
export async function tagsAt(db: Db, at: number): Promise<TagRecord[]> {
  const rows = await db
    .selectFrom('tags')
    .select('record')
    .where('created', '<=', at)
    .where((is) => is.or([is('pruned_at', 'is', null), is('pruned_at', '>', at)]))
    .orderBy('name')
    .execute();
  return rows.map((row) => JSON.parse(row.record) as TagRecord);
}

function rowOf(record: TagRecord) {
  return { name: record.name, created: Date.parse(record.created), record: JSON.stringify(record) };
}
