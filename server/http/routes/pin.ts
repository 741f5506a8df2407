import * as z from 'zod';
import type { Hostname } from '../../../protocol/names.ts';
import { parseTagName } from '../../../protocol/names.ts';
import type { NewPin } from '../../core/pins.ts';
import { pin as pinNode } from '../../operations/pin.ts';
import { actorOf } from '../actor.ts';
import { unavailable } from '../failures.ts';
import { hostnameOf, readBody, readQuery } from '../read.ts';
import { failure, json, type Reply } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { newPin, pin, reason } from '../shapes.ts';

const query = z.object({ reason: reason.optional() });

/** Edits `pins`, as an editor would. Takes effect once the file is settled. */
export const putPinRoute: Route = {
  method: 'PUT',
  path: '/v1/nodes/:hostname/pin',
  access: 'change',
  async handle(call) {
    const hostname = hostnameOf(call.request);
    if (!hostname.ok) return hostname.reply;
    const wanted = await readBody(call, pin);
    if (!wanted.ok) return wanted.reply;
    const { reason = null } = wanted.value;
    return edit(call, { host: hostname.value, pin: newPin(wanted.value), why: reason });
  },
};

export const deletePinRoute: Route = {
  method: 'DELETE',
  path: '/v1/nodes/:hostname/pin',
  access: 'change',
  handle(call) {
    const hostname = hostnameOf(call.request);
    if (!hostname.ok) return hostname.reply;
    const asked = readQuery(call.request, query);
    if (!asked.ok) return asked.reply;
    return edit(call, { host: hostname.value, pin: null, why: asked.value.reason ?? null });
  },
};

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
