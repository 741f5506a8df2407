import { type ListedNode, listNodes } from '../../operations/overview.ts';
import type { Told } from '../../ports.ts';
import { starting } from '../failures.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';

/** The fleet, by host name. Times are RFC 3339. */
export const nodesRoute: Route = {
  method: 'GET',
  path: '/v1/nodes',
  access: 'read',
  async handle({ door }) {
    const nodes = await listNodes(door.context);
    return 'kind' in nodes ? starting(nodes) : json({ nodes: nodes.map(shownNode) });
  },
};

function shownNode({ firstSeen, lastSeen, told, lastReport, ...rest }: ListedNode) {
  return {
    ...rest,
    firstSeen: time(firstSeen),
    lastSeen: time(lastSeen),
    told: told && shownTold(told),
    lastReport: lastReport && { ...lastReport, receivedAt: time(lastReport.receivedAt) },
  };
}

function shownTold({ at, ...rest }: Told) {
  return { ...rest, since: time(at) };
}

function time(at: number): string {
  return new Date(at).toISOString();
}
