import type { Hostname } from '../../protocol/names.ts';
import type { CountedNodes, NodeRow, ToldCount } from '../ports/store.ts';
import type { Context } from './context.ts';

/** So many nodes are named where some are shown; all are counted. */
export const MOST_NAMED = 1_000;

/** The store's counts, after what was noted is written; from memory where it cannot be read. */
export async function countTold(context: Context, seenSince: number): Promise<readonly ToldCount[]> {
  await context.fleet.flush();
  return context.store.toldCounts(seenSince).catch(() => countRows(context.fleet.recent(seenSince)));
}

export async function countSilent(
  context: Context,
  { seenSince, before }: { readonly seenSince: number; readonly before: number },
): Promise<CountedNodes> {
  await context.fleet.flush();
  return context.store
    .silentNodes({ seenSince, before, limit: MOST_NAMED })
    .catch(() => countedRows(context.fleet.recent(seenSince).filter(({ lastSeen }) => lastSeen < before)));
}

/** Those that a killswitch concerns which has stood since an instant, and that do not know it yet. */
export async function countUnstopped(
  context: Context,
  query: { readonly seenSince: number; readonly environment: string | null; readonly since: number },
): Promise<CountedNodes> {
  await context.fleet.flush();
  return context.store.unstoppedNodes({ ...query, limit: MOST_NAMED }).catch(() => {
    const { seenSince, environment, since } = query;
    const concerned = context.fleet
      .recent(seenSince)
      .filter(({ told }) => environment === null || told?.environment === environment);
    return countedRows(concerned.filter((row) => row.told?.outcome !== 'killswitch' || row.lastSeen < since));
  });
}

function countRows(rows: readonly NodeRow[]): ToldCount[] {
  const counts = new Map<NodeRow['told'], number>();
  for (const { told } of rows) counts.set(told, (counts.get(told) ?? 0) + 1);
  return [...counts].map(([told, nodes]) => {
    const { environment = null, wave = null, outcome = null, tag = null, hold = null } = told ?? {};
    return { environment, wave, outcome, tag, hold, nodes };
  });
}

function countedRows(rows: readonly NodeRow[]): CountedNodes {
  const names = rows.map(({ hostname }): Hostname => hostname).sort();
  return { count: names.length, first: names.slice(0, MOST_NAMED) };
}
