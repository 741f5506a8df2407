import type { Digest, TagName } from '../../protocol/names.ts';
import { pinnedTags } from '../core/pins.ts';
import { tagsToPrune } from '../core/retention.ts';
import type { TagRecord } from '../core/tag.ts';
import { UnfitContent } from '../ports/content.ts';
import type { StateFiles } from '../ports/files.ts';
import type { NodeRow } from '../ports/store.ts';
import { type Context, THE_SERVER } from './context.ts';
import { refreshShelf } from './refresh-shelf.ts';
import { type Ready, worldNow } from './world.ts';

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
  await context.fleet.flush();
  if (!(await knowsTheFleet(context))) return [];
  const { forgetAfterDays } = ready.controls.settings.fleet;
  const rows = await context.store.nodes({ seenSince: ready.world.now - forgetAfterDays * DAY_MS });
  const candidates = unneeded(ready);
  const inUse = candidates.length === 0 ? new Set<TagName>() : await runningTags(context, candidates, rows);
  // That took its time: a pin or a mark made meanwhile counts.
  const now = worldNow(context);
  if (now.kind === 'not-ready') return [];
  const prunable = unneeded(now).flatMap(({ name }) => (inUse.has(name) ? [] : [name]));
  const known = new Set(candidates.map((record) => record.name));
  const retired = prunable.filter((tag) => known.has(tag));
  if (retired.length > 0) await retire(context, retired, now.world.now);
  return retired;
}

/** A history that was begun anew less than a day ago does not say what the fleet runs. */
async function knowsTheFleet(context: Context): Promise<boolean> {
  const [first] = await context.store.events({ limit: 1, order: 'oldest' });
  return first !== undefined && first.at <= context.time.now() - DAY_MS;
}

/** The tags beyond retention that nothing but a node that runs them could need. */
function unneeded({ world, controls }: Ready): TagRecord[] {
  const { snapshot } = controls.settings;
  const tags = new Set(
    tagsToPrune({
      now: world.now,
      tags: world.tags,
      marks: world.marks,
      schedule: world.schedule,
      retentionHours: snapshot.retentionHours,
      keepAtLeast: snapshot.keepAtLeast,
      pinnedTags: pinnedTags(world.pins, world.nodes, world.now),
      runningTags: [],
    }),
  );
  return world.tags.filter((record) => tags.has(record.name));
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
  const stuck = rows.filter(({ running, told }) => running !== null && running !== told?.digest);
  const told = new Set<string>(rows.flatMap((row) => [row.told?.tag ?? '', row.lastReport?.tag ?? '']));
  const inUse = new Set<TagName>();
  for (const record of candidates) {
    if (told.has(record.name)) inUse.add(record.name);
    else if (running.size === 0 || record.broken !== null) continue;
    else if ((await context.views.check(record.tree, [])).isLayered) {
      // Whoever runs what it was told has it from that tag; the others may run this one's.
      if (await isViewOfOne(context, record, stuck)) inUse.add(record.name);
    } else if (running.has((await context.views.ofTree(record.tree)).digest)) inUse.add(record.name);
  }
  return inUse;
}

/** Whether one of these nodes runs its view of a tag. */
async function isViewOfOne(context: Context, record: TagRecord, rows: readonly NodeRow[]): Promise<boolean> {
  for (const { hostname, running, told, lastReport } of rows) {
    if (told === null) continue;
    const { environment, groups } = told;
    const node = { hostname, environment, groups, facts: lastReport?.facts ?? {} };
    const view = await context.views.ofNode(record.tree, node).catch(whereUnfit);
    if (view?.digest === running) return true;
  }
  return false;
}

function whereUnfit(error: unknown): undefined {
  if (!(error instanceof UnfitContent)) throw error;
}

async function retire(context: Context, tags: readonly TagName[], now: number): Promise<void> {
  context.state.append(PRUNED, tags.map((tag) => `${tag}\n`).join(''));
  await context.repository.retireTags(tags, now);
  context.journal.write((store) => store.markPruned(tags, now));
  for (const tag of tags) {
    context.journal.add({
      at: now,
      kind: 'tag-pruned',
      ...THE_SERVER,
      subject: tag,
      before: context.shelf.current().byName.get(tag)?.commit ?? null,
      after: null,
      why: null,
      summary: `${tag} is beyond retention and in nobody's use: removed`,
    });
  }
  await refreshShelf(context);
}

/** What was handed out stays for a day, also when its tag is gone. */
export async function dropContent(context: Context): Promise<void> {
  const now = context.time.now();
  const { tags, trunk } = context.shelf.current();
  const keep = [...tags.map((record) => record.tree), ...(trunk === null ? [] : [trunk.tree])];
  await context.views.prune(keep, now - DAY_MS);
  await context.repository.collectGarbage(now - 2 * DAY_MS);
}
