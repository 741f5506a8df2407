import * as z from 'zod';
import { enrolledSchema } from '../../../protocol/api/access.ts';
import { parseTokenDigest, type TokenId } from '../../core/token.ts';
import { enrolHost } from '../../operations/enrol.ts';
import { nobodyIsKnown, starting } from '../failures.ts';
import { plainAddress } from '../loopback.ts';
import { failure, json } from '../reply.ts';
import { asJson, type Call, route } from '../route.ts';
import { parsed } from '../shapes.ts';

const tokenSha256 = parsed('the SHA-256 of the token, 64 lower-case hex digits', parseTokenDigest, {
  pattern: /^[0-9a-f]{64}$/,
});
/** A token itself never leaves its host but to say who asks. */
export const newToken = z.strictObject({ tokenSha256 });

/** A host that wants to join hands in the digest of the token that it has made for itself. */
export const enrolmentRoute = route({
  method: 'POST',
  path: '/v1/nodes/:hostname/enrolment',
  access: 'enrol',
  description: {
    group: 'Hosts',
    summary: 'A host that wants to join hands in the digest of the token that it has made for itself',
    body: newToken,
    answers: {
      200: { means: 'It is known by that token.', ...asJson(enrolledSchema) },
      201: { means: 'It is let in, or waits for somebody to let it in.', ...asJson(enrolledSchema) },
    },
  },
  async handle(call, { path: { hostname }, body: { tokenSha256: digest } }) {
    const { context } = call.door;
    const state = context.desk.look();
    if (state.kind !== 'ready') return starting(NOT_READY);
    const enrolled = await enrolHost(context, state.controls, {
      hostname,
      digest,
      shown: joinTokenIn(call),
      from: plainAddress(call.peer.address),
    });
    if (!enrolled.ok) return nobodyIsKnown();
    if (enrolled.value.kind === 'refused') return REFUSED;
    const { credential, isNew } = enrolled.value;
    return json({ hostname, state: credential.state, id: credential.id }, isNew ? 201 : 200);
  },
});

function joinTokenIn({ caller, request }: Call): TokenId | 'other' | undefined {
  if (caller.kind === 'joiner') return caller.id;
  return request.headers.authorization === undefined ? undefined : 'other';
}

const NOT_READY = { sentence: 'the control files are still being read', hint: 'ask again in a moment' };

/** Who tries does not learn what is wrong: whether a name is taken, or what of a join token does not fit. */
const REFUSED = failure(
  'enrolment-refused',
  'this host is not let in',
  'show a join token that counts for it. Why it was not let in is in the server\'s log; "tagwave-server token create --node" makes a token by hand, and "tagwave-server token forget" lets a host that was known before join anew',
);
