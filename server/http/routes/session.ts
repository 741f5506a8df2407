import { loggedOutSchema, sessionSchema } from '../../../protocol/api/access.ts';
import { endSession } from '../../operations/login.ts';
import type { Settings } from '../../settings/settings.ts';
import { actorOf } from '../actor.ts';
import type { Caller } from '../caller.ts';
import { setCookie } from '../cookies.ts';
import { unavailable } from '../failures.ts';
import { INSECURE, refuseForeign, unauthenticated } from '../guard.ts';
import { type FailureReply, json } from '../reply.ts';
import { asJson, route } from '../route.ts';
import { SESSION_COOKIE } from '../session-cookie.ts';

/** Who somebody is here, until when. */
export const sessionRoute = route({
  method: 'GET',
  path: '/v1/session',
  access: 'login',
  description: {
    group: 'Access',
    summary: 'Who somebody is here, and until when',
    answers: { 200: sessionSchema },
    failures: ['unauthenticated', 'insecure-transport'],
    failureHeaders: ['Link'],
  },
  handle({ caller, door }) {
    if (caller.kind === 'insecure') return INSECURE;
    if (caller.kind !== 'person') return { ...toldWhere(unauthenticated(), door.settings()), ...asked(caller) };
    const { name, role, by, id } = caller;
    const expiresAt = id === null ? null : (door.context.credentials.find(id)?.expiresAt ?? null);
    return json({ name, role, by, expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString() });
  },
});

/** The page asks whenever it is opened, also by who need not show anything. */
function asked(caller: Caller): Pick<FailureReply, 'isNoAttempt'> {
  return caller.kind === 'nobody' && !caller.showed ? { isNoAttempt: true } : {};
}

/** A page offers to log in only where that is possible. */
function toldWhere(refusal: FailureReply, { oidc }: Pick<Settings, 'oidc'>): FailureReply {
  if (oidc === null) return refusal;
  return { ...refusal, headers: { ...refusal.headers, Link: '<../login>; rel="login"' } };
}

/** Ends the session at once, in this browser and wherever else its token has gone. */
export const logoutRoute = route({
  method: 'POST',
  path: '/logout',
  access: 'login',
  description: {
    group: 'Access',
    summary: 'Ends the session that the cookie names',
    answers: { 200: { ...asJson(loggedOutSchema), headers: ['Set-Cookie'] } },
    failures: ['unauthenticated', 'foreign-origin', 'unsupported-media-type', 'state-unavailable'],
  },
  async handle(call) {
    const { caller, door, peer, response } = call;
    if (caller.kind !== 'person' || caller.by !== 'session' || caller.id === null) return unauthenticated();
    const refusal = refuseForeign(call);
    if (refusal !== undefined) return refusal;
    const ended = await endSession(door.context, caller.id, actorOf(call));
    if (!ended.ok) return unavailable(ended);
    const isSecure = peer.isEncrypted;
    response.append('Set-Cookie', setCookie({ name: SESSION_COOKIE, value: '', maxAgeSeconds: 0, isSecure }));
    return json({ loggedOut: true });
  },
});
