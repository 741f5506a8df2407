import * as z from 'zod';
import { pinnedSchema } from '../../../protocol/api/controls.ts';
import type { Hostname } from '../../../protocol/names.ts';
import { parseTagName } from '../../../protocol/names.ts';
import type { NewPin } from '../../core/pins.ts';
import { pin as pinNode } from '../../operations/pin.ts';
import { actorOf } from '../actor.ts';
import { unavailable } from '../failures.ts';
import { failure, json, type Reply } from '../reply.ts';
import { type Call, route } from '../route.ts';
import { newPin, pin, reason } from '../shapes.ts';

/** Edits `pins`, as an editor would. Takes effect once the file is settled. */
export const putPinRoute = route({
  method: 'PUT',
  path: '/v1/nodes/:hostname/pin',
  access: 'change',
  description: {
    group: 'Fleet',
    summary: 'Pins a node to a tag, or to trunk',
    details: 'Edits `pins`, as an editor would. Counts once the file has been unchanged for `settle_seconds`.',
    body: pin,
    answers: { 200: pinnedSchema },
    failures: ['unknown-tag', 'broken-tag'],
  },
  handle(call, { path: { hostname: host }, body }) {
    return edit(call, { host, pin: newPin(body), why: body.reason ?? null });
  },
});

export const deletePinRoute = route({
  method: 'DELETE',
  path: '/v1/nodes/:hostname/pin',
  access: 'change',
  description: {
    group: 'Fleet',
    summary: 'Removes the pin of a node',
    query: z.object({ reason: reason.optional() }),
    answers: { 200: pinnedSchema },
  },
  handle(call, { path: { hostname: host }, query: { reason: why = null } }) {
    return edit(call, { host, pin: null, why });
  },
});

async function edit(
  call: Call,
  { host, pin: wanted, why }: { readonly host: Hostname; readonly pin: NewPin | null; readonly why: string | null },
): Promise<Reply> {
  const { context } = call.door;
  const pinned = await pinNode(context, { host, pin: wanted, why, actor: actorOf(call) });
  if (pinned.ok)
    return json({ hostname: host, pin: wanted === null ? null : wanted.tag, changed: pinned.value.changed });
  const tag = wanted === null ? undefined : parseTagName(wanted.tag);
  if (tag === undefined) return unavailable(pinned);
  const record = context.shelf.current().byName.get(tag);
  if (record === undefined) return failure('unknown-tag', pinned.sentence, pinned.hint);
  return record.broken === null ? unavailable(pinned) : failure('broken-tag', pinned.sentence, pinned.hint);
}
