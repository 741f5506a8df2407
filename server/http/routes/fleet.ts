import * as z from 'zod';
import { type BriefNode, briefNodesSchema } from '../../../protocol/api/nodes.ts';
import { REPORT_OUTCOMES } from '../../../protocol/assignment.ts';
import { parseHostname } from '../../../protocol/names.ts';
import { plainJson } from '../../core/plain-json.ts';
import { briefNodes } from '../../operations/brief-nodes.ts';
import { starting } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';
import { digits, instant, parsed } from '../shapes.ts';

const MOST = 10_000;
const OUTCOMES = `outcomes with commas between them: ${REPORT_OUTCOMES.join(', ')}, none`;

const flag = z.enum(['true', 'false'], 'expected true or false').transform((text) => text === 'true');
const name = z.string().max(253);

const query = z.strictObject({
  environment: name.optional(),
  wave: name.optional(),
  outcome: parsed(OUTCOMES, (text) => {
    const outcomes = text.split(',').map(outcomeIn);
    return outcomes.every((outcome) => outcome !== undefined) ? outcomes : undefined;
  }).optional(),
  q: name.transform((text) => text.trim().toLowerCase()).optional(),
  behind: flag.optional(),
  silent: flag.optional(),
  drifted: flag.optional(),
  pinned: flag.optional(),
  at: instant.optional(),
  after: parsed('a host name', parseHostname).optional(),
  limit: digits(`a number from 1 to ${MOST}`, MOST)
    .refine((limit) => limit > 0, `expected a number from 1 to ${MOST}`)
    .optional(),
});

/** The nodes in a line each, by host name: all of them, written as they are read, or with `?limit=` so many after `?after=`. */
export const fleetRoute = route({
  method: 'GET',
  path: '/v1/fleet',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: 'The nodes in a line each: what each was told, is due and runs, now or at an instant in the past',
    query,
    answers: { 200: briefNodesSchema },
  },
  async handle({ door: { context } }, { query: { q, outcome, at, limit, ...rest } }) {
    if (at !== undefined && at > context.time.now())
      return failure('bad-request', 'at lies ahead', 'leave it away, or ask /v1/forecast for what comes');
    const pages = briefNodes(context, { ...rest, name: q, outcomes: outcome, at, limit });
    if ('kind' in pages) return starting(pages);
    if (limit === undefined) {
      const headers = { 'Content-Type': 'application/json; charset=utf-8' };
      return { kind: 'stream', headers, pieces: written(await begun(pages)) };
    }
    const nodes: BriefNode[] = [];
    for await (const page of pages) nodes.push(...page);
    return json({ nodes, next: nodes.length < limit ? null : (nodes.at(-1)?.hostname ?? null) });
  },
});

function outcomeIn(text: string) {
  return text === 'none' ? null : REPORT_OUTCOMES.find((outcome) => outcome === text);
}

/** What cannot be read is told before anything is written. */
async function begun(pages: AsyncGenerator<readonly BriefNode[]>): Promise<AsyncIterable<readonly BriefNode[]>> {
  const first = await pages.next();
  return (async function* () {
    if (first.done) return;
    yield first.value;
    yield* pages;
  })();
}

async function* written(pages: AsyncIterable<readonly BriefNode[]>): AsyncGenerator<string> {
  let before = '{"nodes":[';
  for await (const nodes of pages) {
    if (nodes.length === 0) continue;
    yield before + nodes.map((node) => plainJson(node)).join(',');
    before = ',';
  }
  yield `${before === ',' ? '' : before}],"next":null}`;
}
