import { endSession } from '../../operations/login.ts';
import { actorOf } from '../actor.ts';
import { setCookie } from '../cookies.ts';
import { unavailable } from '../failures.ts';
import { INSECURE, refuseForeign, unauthenticated } from '../guard.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';
import { SESSION_COOKIE } from '../session-cookie.ts';

/** Who somebody is here, until when. */
export const sessionRoute: Route = {
  method: 'GET',
  path: '/v1/session',
  access: 'login',
  handle({ caller, door }) {
    if (caller.kind === 'insecure') return INSECURE;
    if (caller.kind !== 'person') return unauthenticated();
    const { name, role, by, id } = caller;
    const expiresAt = id === null ? null : (door.context.credentials.find(id)?.expiresAt ?? null);
    return json({ name, role, by, expiresAt: expiresAt === null ? null : new Date(expiresAt).toISOString() });
  },
};

/** Ends the session at once, in this browser and wherever else its token has gone. */
export const logoutRoute: Route = {
  method: 'POST',
  path: '/logout',
  access: 'login',
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
};
