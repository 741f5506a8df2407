import * as z from 'zod';
import { floorHour, hourOf, parseTagName } from '../../../protocol/names.ts';
import { snapshotByHand } from '../../operations/snapshot.ts';
import { actorOf } from '../actor.ts';
import { unavailable } from '../failures.ts';
import { readBody } from '../read.ts';
import { failure, json } from '../reply.ts';
import type { Route } from '../route.ts';
import { parsed } from '../shapes.ts';

const hour = parsed('an hour in UTC, such as 2026112008', (text) => {
  const [, day, hours] = /^(\d{8})(\d{2})$/.exec(text) ?? [];
  const tag = parseTagName(`etchautotag-${day}-${hours}00`);
  return tag && hourOf(tag);
});
const commit = z.string().regex(/^[0-9a-f]{4,64}$/, 'expected a commit id, or the beginning of one');
const body = z.strictObject({ hour: hour.optional(), commit: commit.optional() });

/** Fetches, then makes one tag by hand; never replaces one. */
export const snapshotsRoute: Route = {
  method: 'POST',
  path: '/v1/snapshots',
  access: 'change',
  async handle(call) {
    const { context } = call.door;
    const wanted = await readBody(call, body);
    if (!wanted.ok) return wanted.reply;
    const { hour: at, commit: id } = wanted.value;
    if (at !== undefined && at > floorHour(context.time.now()))
      return failure('bad-request', 'that hour lies ahead of now', 'name the current hour or an earlier one');
    const order = { ...(at === undefined ? {} : { hour: at }), ...(id === undefined ? {} : { commit: id }) };
    const result = await snapshotByHand(context, { ...order, actor: actorOf(call) });
    if (result.kind === 'made') return json(result.made, result.made.outcome === 'created' ? 201 : 200);
    if (result.kind === 'conflict') return failure('conflict', result.sentence, result.hint);
    const isUnknown = id !== undefined && (await context.repository.commit(id)) === undefined;
    return isUnknown ? failure('not-found', result.sentence, result.hint) : unavailable(result);
  },
};
