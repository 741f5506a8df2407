import * as z from 'zod';
import { markedSchema } from '../../../protocol/api/controls.ts';
import { parseEnvironment } from '../../../protocol/names.ts';
import { MARK_STATES } from '../../core/marks.ts';
import { knownEnvironments, type MarkOrder, mark } from '../../operations/mark.ts';
import { actorOf } from '../actor.ts';
import { badEnvironment, unavailable } from '../failures.ts';
import { failure, json, type Reply } from '../reply.ts';
import { type Call, route } from '../route.ts';
import { environments, parsed, reason } from '../shapes.ts';

const wanted = z
  .strictObject({ state: z.enum(MARK_STATES), reason: reason.optional(), environments: environments.optional() })
  .meta({ examples: [{ state: 'bad', reason: 'broke ntp' }] });

const query = z.object({
  environments: parsed('environments with commas between them', (text) => (text === '' ? undefined : text.split(',')), {
    examples: ['staging,production'],
  }).optional(),
  reason: reason.optional(),
});

/** Edits `tagstate`, as an editor would. */
export const putMarkRoute = route({
  method: 'PUT',
  path: '/v1/tags/:tag/mark',
  access: 'change',
  description: {
    group: 'Tags',
    summary: 'Marks a tag good, bad or badfwd',
    details: 'Edits `tagstate`, as an editor would. `bad` and `badfwd` stop a tag from the next decision on.',
    body: wanted,
    answers: { 200: markedSchema },
    failures: ['bad-environment', 'unknown-tag', 'conflict'],
  },
  handle(call, { path: { tag }, body }) {
    return edit(call, { ...defined(body), state: body.state, tag });
  },
});

export const deleteMarkRoute = route({
  method: 'DELETE',
  path: '/v1/tags/:tag/mark',
  access: 'change',
  description: {
    group: 'Tags',
    summary: 'Takes the mark off a tag',
    query,
    answers: { 200: markedSchema },
    failures: ['bad-environment', 'unknown-tag', 'conflict'],
  },
  handle(call, { path: { tag }, query: asked }) {
    return edit(call, { ...defined(asked), state: 'none', tag });
  },
});

async function edit(call: Call, order: Omit<MarkOrder, 'actor'>): Promise<Reply> {
  const { context } = call.door;
  const known = knownEnvironments(context);
  const stranger = order.environments?.find((name) =>
    known.size > 0 ? !known.has(name) : parseEnvironment(name) === undefined,
  );
  if (stranger !== undefined) return badEnvironment(stranger, known);
  const { tags, byName } = context.shelf.current();
  const marked = await mark(context, { ...order, actor: actorOf(call) });
  if (!marked.ok) {
    if ('refused' in marked) return failure('conflict', marked.sentence, marked.hint);
    const unknown = tags.length > 0 && !byName.has(order.tag);
    return unknown ? failure('unknown-tag', marked.sentence, marked.hint) : unavailable(marked);
  }
  const { changed, warning } = marked.value;
  return json({ tag: order.tag, state: order.state, changed, ...(warning === undefined ? {} : { warning }) });
}

function defined({ reason, environments }: { reason?: string | undefined; environments?: string[] | undefined }) {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(environments === undefined ? {} : { environments }),
  };
}
