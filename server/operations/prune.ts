import type { Digest, TagName } from '../../protocol/names.ts';
import { pinnedTags } from '../core/pins.ts';
import { tagsToPrune } from '../core/retention.ts';
import type { TagRecord } from '../core/tag.ts';
import type { NodeRow, StateFiles } from '../ports.ts';
import type { Context } from './context.ts';
import { refreshShelf } from './refresh-shelf.ts';
import { worldNow } from './world.ts';

const PRUNED = 'pruned-tags';
const DAY_MS = 24 * 3_600_000;

/** A pruned name is never made again: what a host once got under it must not come back as something else. */
export function isPruned(state: StateFiles, tag: TagName): boolean {
  return state.read(PRUNED)?.split('\n').includes(tag) ?? false;
}

/** Removes tags beyond retention that nothing uses. Without knowing what the fleet runs it removes nothing. */
export async function pruneTags(context: Context): Promise<TagName[]> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready' || context.time.doubt() !== null) return [];
  const { world, controls } = ready;
  const { snapshot, fleet } = controls.settings;
  await context.fleet.flush();
  const rows = await context.store.nodes({ seenSince: world.now - fleet.forgetAfterDays * DAY_MS });
  const tags = tagsToPrune({
    now: world.now,
    tags: world.tags,
    marks: world.marks,
    schedule: world.schedule,
    retentionHours: snapshot.retentionHours,
    keepAtLeast: snapshot.keepAtLeast,
    pinnedTags: pinnedTags(world.pins, world.nodes, world.now),
    runningTags: [],
  });
  const candidates = world.tags.filter((record) => tags.includes(record.name));
  const inUse = candidates.length === 0 ? new Set<TagName>() : await runningTags(context, candidates, rows);
  const prunable = tags.filter((tag) => !inUse.has(tag));
  if (prunable.length > 0) await retire(context, prunable, world.now);
  await dropContent(context, world.now);
  return prunable;
}

/** The tags among the candidates whose content some node runs or was told. */
async function runningTags(
  context: Context,
  candidates: readonly TagRecord[],
  rows: readonly NodeRow[],
): Promise<Set<TagName>> {
  const running = new Set<Digest>(
    rows.flatMap((row) => [row.running, row.lastReport?.digest ?? null]).filter((digest) => digest !== null),
  );
  const told = new Set<string>(rows.flatMap((row) => [row.told?.tag ?? '', row.lastReport?.tag ?? '']));
  const inUse = new Set<TagName>();
  for (const record of candidates) {
    if (told.has(record.name)) inUse.add(record.name);
    else if (
      running.size > 0 &&
      record.broken === null &&
      running.has((await context.views.ofTree(record.tree)).digest)
    )
      inUse.add(record.name);
  }
  return inUse;
}

async function retire(context: Context, tags: readonly TagName[], now: number): Promise<void> {
  context.state.append(PRUNED, tags.map((tag) => `${tag}\n`).join(''));
  await context.repository.retireTags(tags, now);
  context.journal.write((store) => store.markPruned(tags, now));
  for (const tag of tags) {
    context.journal.add({
      at: now,
      kind: 'tag-pruned',
      by: 'server',
      subject: tag,
      before: context.shelf.current().byName.get(tag)?.commit ?? null,
      after: null,
      summary: `${tag} is beyond retention and in nobody's use: removed`,
    });
  }
  await refreshShelf(context);
}

/** What was handed out stays for a day, also when its tag is gone. */
async function dropContent(context: Context, now: number): Promise<void> {
  const { tags, trunk } = context.shelf.current();
  const keep = [...tags.map((record) => record.tree), ...(trunk === null ? [] : [trunk.tree])];
  await context.views.prune(keep, now - DAY_MS);
  await context.repository.collectGarbage(now - 2 * DAY_MS);
}
