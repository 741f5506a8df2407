import * as z from 'zod';
import { nodesSchema } from '../../../protocol/api/fleet.ts';
import { plainJson } from '../../core/plain-json.ts';
import { type ListedNode, listNodes } from '../../operations/overview.ts';
import type { Told } from '../../ports/store.ts';
import { starting } from '../failures.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';
import { hostname } from '../shapes.ts';

const MOST = 10_000;

const pageSchema = z.strictObject({
  after: hostname.optional(),
  limit: z.coerce.number().int().min(1).max(MOST).optional(),
});

/**
 * The fleet, by host name: all of it, written as it is read, or with `?limit=` so many after `?after=`, and in `next` the name to
 * go on after; null where that were all. Times are RFC 3339.
 */
export const nodesRoute = route({
  method: 'GET',
  path: '/v1/nodes',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: 'The fleet by host name, with all that each node was told last',
    details: 'All of it, or with `limit` so many after `after`.',
    query: pageSchema,
    answers: { 200: nodesSchema },
  },
  async handle({ door }, { query: page }) {
    const pages = listNodes(door.context, page);
    if ('kind' in pages) return starting(pages);
    if (page.limit === undefined)
      return { kind: 'stream', headers: { 'Content-Type': 'application/json; charset=utf-8' }, pieces: written(pages) };
    const nodes: ListedNode[] = [];
    for await (const some of pages) nodes.push(...some);
    const next = nodes.length < page.limit ? null : (nodes.at(-1)?.hostname ?? null);
    return json({ nodes: nodes.map(shownNode), next });
  },
});

async function* written(pages: AsyncIterable<readonly ListedNode[]>): AsyncGenerator<string> {
  let before = '{"nodes":[';
  for await (const nodes of pages) {
    if (nodes.length === 0) continue;
    yield before + nodes.map((node) => plainJson(shownNode(node))).join(',');
    before = ',';
  }
  yield `${before === ',' ? '' : before}],"next":null}`;
}

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
