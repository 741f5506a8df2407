import * as z from 'zod';
import type { Rotation } from '../../core/rotation.ts';
import { rotateToken } from '../../operations/enrol.ts';
import { nobodyIsKnown } from '../failures.ts';
import { speaksFor } from '../guard.ts';
import { plainAddress } from '../loopback.ts';
import { hostnameOf, readBody } from '../read.ts';
import { failure, json, type Reply } from '../reply.ts';
import type { Route } from '../route.ts';
import { tokenSha256 } from './enrolment.ts';

const body = z.strictObject({ tokenSha256 });

/** A host puts another token in the place of the one that it shows. The old one counts for a while besides. */
export const nodeTokenRoute: Route = {
  method: 'POST',
  path: '/v1/nodes/:hostname/token',
  access: 'node',
  async handle(call) {
    const hostname = hostnameOf(call.request);
    if (!hostname.ok) return hostname.reply;
    const { caller, peer, door } = call;
    if (caller.kind !== 'node' || caller.id === null || !speaksFor(caller, hostname.value)) return NO_TOKEN;
    const asked = await readBody(call, body);
    if (!asked.ok) return asked.reply;
    const rotated = await rotateToken(door.context, {
      hostname: hostname.value,
      shown: caller.id,
      digest: asked.value.tokenSha256,
      from: plainAddress(peer.address),
      overlapMinutes: door.settings().auth.rotationOverlapMinutes,
    });
    return rotated.ok ? replyTo(rotated.value, door.context.time.now()) : nobodyIsKnown();
  },
};

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

const NO_TOKEN = failure(
  'enrolment-refused',
  'only who shows a token of its own can put another in its place',
  'hosts have tokens where auth.nodes is tokens; "tagwave enroll" gets the first one',
);
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
