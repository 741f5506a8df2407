import type { Hostname } from '../../protocol/names.ts';
import { place } from '../core/choose.ts';
import type { NodeInputs } from '../core/node-inputs.ts';
import type { Placed } from '../core/world.ts';
import type { NodeRow } from '../ports.ts';
import type { Context } from './context.ts';
import { type Ready, worldNow } from './world.ts';

const DAY_MS = 24 * 3_600_000;

/** What decides the view of a node whose wave is known. */
export function inputsOf(context: Context, placed: Extract<Placed, { wave: object }>): NodeInputs {
  const { hostname, groups, wave } = placed;
  return { hostname, environment: wave.environment, groups, facts: context.fleet.facts(hostname) };
}

/**
 * Every node that is known: those that have asked or reported lately, and the single hosts of `nodes.yml`. Groups by a
 * nodegrouper are those that a node was told last.
 */
export async function knownNodes(context: Context): Promise<Iterable<NodeInputs>> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return asTold(await context.fleet.rows());
  const seenSince = ready.world.now - ready.controls.settings.fleet.forgetAfterDays * DAY_MS;
  return placedNow(context, ready, await context.fleet.rows({ seenSince }));
}

function* placedNow(context: Context, { world }: Ready, rows: readonly NodeRow[]): Generator<NodeInputs> {
  const grouped = context.programs.nodegrouper().kind !== 'none';
  const known = new Map<Hostname, NodeRow | undefined>(rows.map((row) => [row.hostname, row]));
  for (const hostname of world.nodes.exact.keys()) if (!known.has(hostname)) known.set(hostname, undefined);
  for (const [hostname, row] of known) {
    const placed = place(world, hostname, grouped ? (row?.told?.groups ?? []) : []);
    if (placed.wave === null) continue;
    const { groups, wave } = placed;
    yield { hostname, environment: wave.environment, groups, facts: row?.lastReport?.facts ?? {} };
  }
}

/** Where the control files do not say it now. */
function asTold(rows: readonly NodeRow[]): NodeInputs[] {
  return rows.flatMap(({ hostname, told, lastReport }) =>
    told === null || told.environment === ''
      ? []
      : [{ hostname, environment: told.environment, groups: told.groups, facts: lastReport?.facts ?? {} }],
  );
}
