import * as z from 'zod';
import { redirectSchema } from '../../../protocol/api/access.ts';
import { beginLogin, finishLogin } from '../../operations/login.ts';
import { ATTEMPT_MS } from '../../operations/login-attempts.ts';
import type { NotLoggedIn } from '../../ports/people.ts';
import type { OidcSettings } from '../../settings/settings.ts';
import { actorOf } from '../actor.ts';
import { cookieIn, setCookie } from '../cookies.ts';
import { unavailable } from '../failures.ts';
import { INSECURE } from '../guard.ts';
import { failurePage } from '../login-page.ts';
import { type FailureReply, failure, type JsonReply, type Reply } from '../reply.ts';
import { asJson, type Call, route } from '../route.ts';
import { SESSION_COOKIE } from '../session-cookie.ts';

/** What a browser keeps while somebody logs in. */
const ATTEMPT_COOKIE = 'tagwave-login';
const START = '/v1/session';
const REDIRECT = { ...asJson(redirectSchema), headers: ['Location', 'Set-Cookie'] } as const;

/** Sends a browser to where people show who they are. */
export const loginRoute = route({
  method: 'GET',
  path: '/login',
  access: 'login',
  description: {
    group: 'Access',
    summary: 'Sends a browser to where people show who they are',
    query: z.object({
      to: z
        .string()
        .meta({ description: 'A path of this server to come back to.', examples: ['/'] })
        .default(START),
    }),
    answers: { 302: REDIRECT },
    failures: ['not-found', 'insecure-transport', 'unauthenticated', 'state-unavailable'],
    hasPages: true,
  },
  async handle(call, { query: { to } }) {
    const settings = readyFor(call);
    if ('kind' in settings) return settings;
    if (!isOwnPath(to))
      return failure('bad-request', 'to is no path of this server', 'leave it out, or name one such as /v1/status');
    const begun = await beginLogin(call.door.context, settings, to);
    if (!begun.ok) return shown(call, settings, begun);
    const isSecure = isSecureFor(settings);
    const maxAgeSeconds = ATTEMPT_MS / 1000;
    const kept = setCookie({ name: ATTEMPT_COOKIE, value: begun.cookie, maxAgeSeconds, isSecure });
    return redirect(call, begun.url, [kept]);
  },
});

/** Where they come back to. */
export const loginCallbackRoute = route({
  method: 'GET',
  path: '/login/callback',
  access: 'login',
  description: {
    group: 'Access',
    summary: 'Where a browser comes back to, with what its provider gave it',
    answers: { 302: REDIRECT },
    failures: ['not-found', 'insecure-transport', 'unauthenticated', 'forbidden', 'state-unavailable'],
    hasPages: true,
    failureHeaders: ['Set-Cookie'],
  },
  async handle(call) {
    const settings = readyFor(call);
    if ('kind' in settings) return settings;
    const { request, door, caller } = call;
    const isSecure = isSecureFor(settings);
    const [, query = ''] = /\?(.*)$/s.exec(request.originalUrl) ?? [];
    const finished = await finishLogin(door.context, settings, {
      cookie: cookieIn(request.headers, ATTEMPT_COOKIE, isSecure),
      query,
      from: actorOf(call).from,
      before: caller.kind === 'person' && caller.by === 'session' ? caller.id : null,
    });
    const done = setCookie({ name: ATTEMPT_COOKIE, value: '', maxAgeSeconds: 0, isSecure });
    if (!finished.ok) {
      call.response.append('Set-Cookie', done);
      return shown(call, settings, finished);
    }
    const maxAgeSeconds = settings.sessionHours * 3600;
    const session = setCookie({ name: SESSION_COOKIE, value: finished.token, maxAgeSeconds, isSecure });
    return redirect(call, settings.publicUrl + finished.to, [done, session]);
  },
});

/** The settings to log in by, or why nobody can in this way. */
function readyFor({ door, peer }: Call): OidcSettings | FailureReply {
  const { oidc } = door.settings();
  if (oidc === null)
    return failure('not-found', 'nobody logs in here: oidc.issuer is not set', 'use a token, or the command line');
  return isSecureFor(oidc) && !peer.isEncrypted ? INSECURE : oidc;
}

function isSecureFor({ publicUrl }: OidcSettings): boolean {
  return publicUrl.startsWith('https:');
}

const LONGEST_PATH = 1000;

/** Begins with one slash and has nothing that a browser would take for another place; nor back here, which would not end. */
function isOwnPath(text: string): boolean {
  return text.length <= LONGEST_PATH && /^\/(?![/\\]|login(?:[/?#]|$))[\x21-\x5b\x5d-\x7e]*$/.test(text);
}

function redirect({ response }: Call, location: string, cookies: readonly string[]): JsonReply {
  for (const cookie of cookies) response.append('Set-Cookie', cookie);
  return { kind: 'json', status: 302, body: { location }, headers: { Location: location } };
}

interface Failed extends Pick<NotLoggedIn, 'sentence' | 'hint'> {
  readonly why: NotLoggedIn['why'] | 'forbidden';
  readonly by?: string;
}

const NOT_SET_UP = {
  sentence: 'nobody can log in: something is not set up as it should be on this server',
  hint: "whoever looks after it finds the reason in the server's log",
};

/** Browsers get a page of it. */
function shown({ request }: Call, { publicUrl }: OidcSettings, { why, sentence, hint, by }: Failed): Reply {
  const isOurs = why === 'away' || why === 'setup';
  // What is wrong with our settings and files is for our log.
  const told = why === 'setup' ? NOT_SET_UP : { sentence, hint };
  const code = why === 'forbidden' ? 'forbidden' : 'unauthenticated';
  const reply: FailureReply = {
    ...(isOurs ? unavailable(told) : failure(code, told.sentence, told.hint)),
    ...(by === undefined ? {} : { by }),
  };
  return request.accepts(['json', 'html']) === 'html'
    ? { ...reply, page: failurePage(reply, `${publicUrl}/login`) }
    : reply;
}
