import type { Hostname } from '../../../protocol/names.ts';
import { parseTagName } from '../../../protocol/names.ts';
import type { NewPin } from '../../core/pins.ts';
import { pin as pinNode } from '../../operations/pin.ts';
import { actorOf } from '../actor.ts';
import { unavailable } from '../failures.ts';
import { hostnameOf, readBody } from '../read.ts';
import { failure, json, type Reply } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { newPin, pin } from '../shapes.ts';

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
    return edit(call, hostname.value, newPin(wanted.value));
  },
};

export const deletePinRoute: Route = {
  method: 'DELETE',
  path: '/v1/nodes/:hostname/pin',
  access: 'change',
  handle(call) {
    const hostname = hostnameOf(call.request);
    return hostname.ok ? edit(call, hostname.value, null) : hostname.reply;
  },
};

async function edit(call: Call, host: Hostname, wanted: NewPin | null): Promise<Reply> {
  const { context } = call.door;
  const pinned = await pinNode(context, { host, pin: wanted, actor: actorOf(call) });
  if (pinned.ok)
    return json({ hostname: host, pin: wanted === null ? null : wanted.tag, changed: pinned.value.changed });
  const tag = wanted === null ? undefined : parseTagName(wanted.tag);
  if (tag === undefined) return unavailable(pinned);
  const record = context.shelf.current().byName.get(tag);
  if (record === undefined) return failure('unknown-tag', pinned.sentence, pinned.hint);
  return record.broken === null ? unavailable(pinned) : failure('broken-tag', pinned.sentence, pinned.hint);
}
