import { rotatedSchema } from '../../../protocol/api/access.ts';
import type { Rotation } from '../../core/rotation.ts';
import { rotateToken } from '../../operations/enrol.ts';
import { nobodyIsKnown } from '../failures.ts';
import { NO_TOKEN } from '../guard.ts';
import { plainAddress } from '../loopback.ts';
import { failure, json, type Reply } from '../reply.ts';
import { asJson, route } from '../route.ts';
import { newToken } from './enrolment.ts';

/** A host puts another token in the place of the one that it shows. The old one counts for a while besides. */
export const nodeTokenRoute = route({
  method: 'POST',
  path: '/v1/nodes/:hostname/token',
  access: 'own-token',
  description: {
    group: 'Hosts',
    summary: 'A host puts another token in the place of the one that it shows',
    details:
      'The old one counts for `auth.rotation_overlap_minutes` besides. The same request again is answered the same.',
    body: newToken,
    answers: {
      200: { means: 'It was done before.', ...asJson(rotatedSchema) },
      201: { means: 'The new token counts.', ...asJson(rotatedSchema) },
    },
    failures: ['conflict', 'rate-limited'],
  },
  async handle({ caller, peer, door }, { path: { hostname }, body: { tokenSha256: digest } }) {
    const shown = caller.kind === 'node' ? caller.id : null;
    if (shown === null) return NO_TOKEN;
    const rotated = await rotateToken(door.context, {
      hostname,
      shown,
      digest,
      from: plainAddress(peer.address),
      overlapMinutes: door.settings().auth.rotationOverlapMinutes,
    });
    return rotated.ok ? replyTo(rotated.value, door.context.time.now()) : nobodyIsKnown();
  },
});

function replyTo(rotation: Rotation, now: number): Reply {
  switch (rotation.kind) {
    case 'done': {
      const { credential, isNew, oldUntil } = rotation;
      const oldTokenUntil = oldUntil === null ? null : new Date(oldUntil).toISOString();
      const { hostname, id, state } = credential;
      return json({ hostname, state, id, oldTokenUntil }, isNew ? 201 : 200);
    }
    case 'too-many': {
      const seconds = Math.max(1, Math.ceil((rotation.until - now) / 1000));
      return { ...TOO_MANY, headers: { 'Retry-After': String(seconds) } };
    }
    case 'replaced':
      return REPLACED;
    case 'refused':
      return NOT_TAKEN;
    default:
      return rotation satisfies never;
  }
}

const REPLACED = failure(
  'conflict',
  'the token that was shown has been replaced by another one already',
  'use that; where it is lost, whoever looks after the server makes another with "tagwave-server token create --node"',
);
const TOO_MANY = failure(
  'rate-limited',
  'this host has replaced its token several times within auth.rotation_overlap_minutes',
  'try again when the first of the old ones counts no more',
);
const NOT_TAKEN = failure('conflict', 'this token cannot take the place of the other', 'make a new one');
