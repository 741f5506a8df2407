import { floorHour, tagNameOf } from '../../protocol/names.ts';
import type { TagRecord } from '../../server/core/tag.ts';
import type { Attempt } from '../../server/ports/common.ts';
import type { Commit } from '../../server/ports/repository.ts';

/** The record of an hour's tag (`2026-11-20T08`) on a commit. */
export function recordOf(tip: Pick<Commit, 'id' | 'tree'>, hour: string, changes: Partial<TagRecord> = {}): TagRecord {
  const at = Date.parse(`${hour}:00:00Z`);
  return {
    name: tagNameOf(floorHour(at)),
    hour: floorHour(at),
    broken: null,
    commit: tip.id,
    tree: tip.tree,
    author: 'Ada <ada@example.org>',
    subject: 'Change the configuration',
    created: new Date(at).toISOString(),
    fetched: new Date(at - 60_000).toISOString(),
    origin: 'cron',
    stale: false,
    commits: null,
    ...changes,
  };
}

/** The value of what went well; fails the test with the sentence of what did not. */
export function unwrap<Value>(attempt: Attempt<Value>): Value {
  if (!attempt.ok) throw new Error(`${attempt.sentence} (${attempt.hint})`);
  return attempt.value;
}

/** What went wrong; fails the test where all went well. */
export function failureOf(attempt: Attempt<unknown>): { readonly sentence: string; readonly hint: string } {
  if (attempt.ok) throw new Error(`expected a failure, got ${JSON.stringify(attempt.value)}`);
  return attempt;
}
