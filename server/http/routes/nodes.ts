import * as z from 'zod';
import { parseHostname } from '../../../protocol/names.ts';
import { plainJson } from '../../core/plain-json.ts';
import { type ListedNode, listNodes } from '../../operations/overview.ts';
import type { Told } from '../../ports/store.ts';
import { starting } from '../failures.ts';
import { readQuery } from '../read.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';

const MOST = 10_000;

const hostname = z.string().transform((text, context) => {
  const parsed = parseHostname(text);
  if (parsed !== undefined) return parsed;
  context.issues.push({ code: 'custom', message: 'expected a host name', input: text });
  return z.NEVER;
});

const pageSchema = z.strictObject({
  after: hostname.optional(),
  limit: z.coerce.number().int().min(1).max(MOST).optional(),
});

/**
 * The fleet, by host name: all of it, written as it is read, or with `?limit=` so many after `?after=`, and in `next` the name to
 * go on after; null where that were all. Times are RFC 3339.
 */
export const nodesRoute: Route = {
  method: 'GET',
  path: '/v1/nodes',
  access: 'read',
  async handle({ door, request }) {
    const page = readQuery(request, pageSchema);
    if (!page.ok) return page.reply;
    const pages = listNodes(door.context, page.value);
    if ('kind' in pages) return starting(pages);
    if (page.value.limit === undefined)
      return { kind: 'stream', headers: { 'Content-Type': 'application/json; charset=utf-8' }, pieces: written(pages) };
    const nodes: ListedNode[] = [];
    for await (const some of pages) nodes.push(...some);
    const next = nodes.length < page.value.limit ? null : (nodes.at(-1)?.hostname ?? null);
    return json({ nodes: nodes.map(shownNode), next });
  },
};

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
