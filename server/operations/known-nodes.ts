import type { Hostname } from '../../protocol/names.ts';
import { place } from '../core/choose.ts';
import type { NodeInputs } from '../core/node-inputs.ts';
import type { Placed, World } from '../core/world.ts';
import type { NodeRow } from '../ports/store.ts';
import type { Context } from './context.ts';
import { worldNow } from './world.ts';

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
  if (ready.kind === 'not-ready') return inputsOfAll(context.fleet.pages(), asTold);
  const { world } = ready;
  const seenSince = world.now - ready.controls.settings.fleet.forgetAfterDays * DAY_MS;
  const grouped = context.programs.nodegrouper().kind !== 'none';
  const known = await inputsOfAll(context.fleet.pages({ seenSince }), ({ hostname, told, lastReport }) =>
    placedNow(world, { hostname, groups: grouped ? (told?.groups ?? []) : [], facts: lastReport?.facts ?? {} }),
  );
  const seen = new Set(known.map(({ hostname }) => hostname));
  const unseen = [...world.nodes.exact.keys()].filter((hostname) => !seen.has(hostname));
  return [...known, ...unseen.flatMap((hostname) => placedNow(world, { hostname, groups: [], facts: {} }))];
}

/** No more of a fleet is in memory than decides views. */
async function inputsOfAll(
  pages: AsyncIterable<readonly NodeRow[]>,
  inputs: (row: NodeRow) => readonly NodeInputs[],
): Promise<NodeInputs[]> {
  const all: NodeInputs[] = [];
  for await (const rows of pages) for (const row of rows) all.push(...inputs(row));
  return all;
}

function placedNow(
  world: World,
  { hostname, groups, facts }: Pick<NodeInputs, 'groups' | 'facts'> & { readonly hostname: Hostname },
): NodeInputs[] {
  const placed = place(world, hostname, groups);
  if (placed.wave === null) return [];
  return [{ hostname, environment: placed.wave.environment, groups: placed.groups, facts }];
}

/** Where the control files do not say it now. */
function asTold({ hostname, told, lastReport }: NodeRow): NodeInputs[] {
  if (told === null || told.environment === '') return [];
  return [{ hostname, environment: told.environment, groups: told.groups, facts: lastReport?.facts ?? {} }];
}
