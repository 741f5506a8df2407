import * as z from 'zod';
import type { Hostname } from '../../protocol/names.ts';
import { groupName } from './group-name.ts';
import { entriesOf, type NodesFile } from './nodes.ts';
import { type Parsed, parseYamlDocument } from './yaml-file.ts';

/** `nodegroups.yml` turned round: for each group the groups that it is a child of, in file order. */
export interface NodeGroups {
  readonly parents: ReadonlyMap<string, readonly string[]>;
}

export const NO_NODE_GROUPS: NodeGroups = { parents: new Map() };

const nodeGroups = z
  .record(groupName, z.array(groupName, 'a list of groups ([] means none)'))
  .superRefine((children, context) => {
    const cycle = cycleIn(new Map(Object.entries(children)));
    if (!cycle) return;
    const found = [...cycle, cycle[0]].join(' → ');
    context.addIssue({
      code: 'custom',
      path: [cycle[0] ?? ''],
      message: 'groups that do not contain themselves',
      params: { found },
    });
  });

/** Parses `nodegroups.yml`: parent → children. A cycle is an error that names it. */
export function parseNodeGroups(text: string): Parsed<NodeGroups> {
  const parsed = parseYamlDocument('nodegroups.yml', text, nodeGroups);
  if (!parsed.ok) return parsed;
  const { value, keys } = parsed.value;
  const parents = new Map<string, string[]>();
  for (const parent of keys) {
    for (const child of new Set(value[parent])) {
      const known = parents.get(child);
      if (known) known.push(parent);
      else parents.set(child, [parent]);
    }
  }
  return { ok: true, value: { parents } };
}

/**
 * A node's groups, each once: those of its entries in `nodes.yml` in file order, then their parents, nearest first, then
 * what the nodegrouper printed with their parents.
 */
export function groupsOf(of: {
  readonly nodes: NodesFile;
  readonly nodeGroups: NodeGroups;
  readonly hostname: Hostname;
  readonly grouper: readonly string[];
}): string[] {
  const groups = new Set<string>();
  addWithParents(
    entriesOf(of.nodes, of.hostname).flatMap((entry) => entry.groups),
    of.nodeGroups,
    groups,
  );
  addWithParents(of.grouper, of.nodeGroups, groups);
  return [...groups];
}

/** One generation after the other. A group that is already there has its parents there. */
function addWithParents(start: readonly string[], { parents }: NodeGroups, groups: Set<string>): void {
  let generation = start.filter((group) => !groups.has(group));
  while (generation.length > 0) {
    for (const group of generation) groups.add(group);
    const next = new Set(generation.flatMap((group) => parents.get(group) ?? []));
    generation = [...next].filter((group) => !groups.has(group));
  }
}

/** The groups of one cycle, each containing the next, without recursion: chains may be as long as the file. */
function cycleIn(children: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  for (const start of children.keys()) {
    const path: string[] = [];
    const onPath = new Set<string>();
    const open: { readonly group: string; readonly leave: boolean }[] = [{ group: start, leave: false }];
    for (let next = open.pop(); next; next = open.pop()) {
      const { group, leave } = next;
      if (leave) {
        path.pop();
        onPath.delete(group);
        done.add(group);
      } else if (onPath.has(group)) return path.slice(path.indexOf(group));
      else if (!done.has(group)) {
        path.push(group);
        onPath.add(group);
        open.push({ group, leave: true });
        for (const child of children.get(group) ?? []) open.push({ group: child, leave: false });
      }
    }
  }
  return undefined;
}
