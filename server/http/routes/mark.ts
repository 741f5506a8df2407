import * as z from 'zod';
import { parseEnvironment } from '../../../protocol/names.ts';
import { MARK_STATES } from '../../core/marks.ts';
import { knownEnvironments, type MarkOrder, mark } from '../../operations/mark.ts';
import { actorOf } from '../actor.ts';
import { badEnvironment, unavailable } from '../failures.ts';
import { readBody, readQuery, tagOf } from '../read.ts';
import { failure, json, type Reply } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { environments, parsed, reason } from '../shapes.ts';

const body = z.strictObject({
  state: z.enum(MARK_STATES),
  reason: reason.optional(),
  environments: environments.optional(),
});

const query = z.object({
  environments: parsed('environments with commas between them', (text) =>
    text === '' ? undefined : text.split(','),
  ).optional(),
  reason: reason.optional(),
});

/** Edits `tagstate`, as an editor would. */
export const putMarkRoute: Route = {
  method: 'PUT',
  path: '/v1/tags/:tag/mark',
  access: 'change',
  async handle(call) {
    const tag = tagOf(call.request);
    if (!tag.ok) return tag.reply;
    const wanted = await readBody(call, body);
    if (!wanted.ok) return wanted.reply;
    return edit(call, { ...defined(wanted.value), state: wanted.value.state, tag: tag.value });
  },
};

export const deleteMarkRoute: Route = {
  method: 'DELETE',
  path: '/v1/tags/:tag/mark',
  access: 'change',
  handle(call) {
    const tag = tagOf(call.request);
    if (!tag.ok) return tag.reply;
    const wanted = readQuery(call.request, query);
    if (!wanted.ok) return wanted.reply;
    return edit(call, { ...defined(wanted.value), state: 'none', tag: tag.value });
  },
};

async function edit(call: Call, wanted: Omit<MarkOrder, 'actor'>): Promise<Reply> {
  const { context } = call.door;
  const known = knownEnvironments(context);
  const stranger = wanted.environments?.find((name) =>
    known.size > 0 ? !known.has(name) : parseEnvironment(name) === undefined,
  );
  if (stranger !== undefined) return badEnvironment(stranger, known);
  const { tags, byName } = context.shelf.current();
  const marked = await mark(context, { ...wanted, actor: actorOf(call) });
  if (!marked.ok) {
    if ('refused' in marked) return failure('conflict', marked.sentence, marked.hint);
    const unknown = tags.length > 0 && !byName.has(wanted.tag);
    return unknown ? failure('unknown-tag', marked.sentence, marked.hint) : unavailable(marked);
  }
  const { changed, warning } = marked.value;
  return json({ tag: wanted.tag, state: wanted.state, changed, ...(warning === undefined ? {} : { warning }) });
}

function defined({ reason, environments }: { reason?: string | undefined; environments?: string[] | undefined }) {
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(environments === undefined ? {} : { environments }),
  };
}
