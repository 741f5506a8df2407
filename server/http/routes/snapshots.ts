import * as z from 'zod';
import { snapshotSchema } from '../../../protocol/api/tags.ts';
import { floorHour, hourOf, parseTagName } from '../../../protocol/names.ts';
import { snapshotByHand } from '../../operations/snapshot.ts';
import { actorOf } from '../actor.ts';
import { unavailable } from '../failures.ts';
import { failure, json } from '../reply.ts';
import { asJson, route } from '../route.ts';
import { parsed } from '../shapes.ts';

const hour = parsed(
  'an hour in UTC, such as 2026112008',
  (text) => {
    const [, day, hours] = /^(\d{8})(\d{2})$/.exec(text) ?? [];
    const tag = parseTagName(`etchautotag-${day}-${hours}00`);
    return tag && hourOf(tag);
  },
  { pattern: /^\d{10}$/, examples: ['2026112008'] },
);
const commit = z.string().regex(/^[0-9a-f]{4,64}$/, 'expected a commit id, or the beginning of one');
const wanted = z.strictObject({ hour: hour.optional(), commit: commit.optional() }).meta({ examples: [{}] });

/** Fetches, then makes one tag by hand; never replaces one. */
export const snapshotsRoute = route({
  method: 'POST',
  path: '/v1/snapshots',
  access: 'change',
  description: {
    group: 'Tags',
    summary: 'Fetches, then makes one tag by hand; never replaces one',
    details: 'Without `hour` that of the current hour; without `commit` of the tip as it was at that hour.',
    body: wanted,
    answers: {
      200: { means: 'It exists, of the same commit.', ...asJson(snapshotSchema) },
      201: { means: 'It was made.', ...asJson(snapshotSchema) },
    },
    failures: ['conflict', 'not-found'],
  },
  async handle(call, { body: { hour: at, commit: id } }) {
    const { context } = call.door;
    if (at !== undefined && at > floorHour(context.time.now()))
      return failure('bad-request', 'that hour lies ahead of now', 'name the current hour or an earlier one');
    const order = { ...(at === undefined ? {} : { hour: at }), ...(id === undefined ? {} : { commit: id }) };
    const result = await snapshotByHand(context, { ...order, actor: actorOf(call) });
    if (result.kind === 'made') return json(result.made, result.made.outcome === 'created' ? 201 : 200);
    if (result.kind === 'conflict') return failure('conflict', result.sentence, result.hint);
    const isUnknown = id !== undefined && (await context.repository.commit(id)) === undefined;
    return isUnknown ? failure('not-found', result.sentence, result.hint) : unavailable(result);
  },
});
