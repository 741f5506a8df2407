import type { PersonCredential } from '../core/credential.ts';
import type { CredentialChange } from '../core/credential-change.ts';
import { digestOfToken, idOfToken, SECRET_BYTES, type TokenId, tokenFrom } from '../core/token.ts';
import { instant } from '../core/wording.ts';
import type { Attempt } from '../ports/common.ts';
import type { NotLoggedIn } from '../ports/people.ts';
import type { OidcSettings } from '../settings/settings.ts';
import { noteAccess } from './audit.ts';
import type { Actor, Context } from './context.ts';
import type { LoginAttempt } from './login-attempts.ts';
import { type KnownPerson, personBy } from './login-person.ts';

export type LoginContext = Pick<
  Context,
  'credentials' | 'identity' | 'loginAttempts' | 'random' | 'time' | 'journal' | 'log'
>;

/** Where a browser is sent, and what it keeps meanwhile. */
export interface BegunLogin {
  readonly ok: true;
  readonly url: string;
  readonly cookie: string;
}

/** Begins to find out who somebody is. `to`: a path of this server. */
export async function beginLogin(
  { identity, loginAttempts, log }: LoginContext,
  settings: OidcSettings,
  to: string,
): Promise<BegunLogin | NotLoggedIn> {
  const { cookie, secrets } = loginAttempts.begin(settings.issuer, to);
  const asked = await identity.urlFor(settings, { ...secrets, redirectUri: redirectUriOf(settings) });
  if (asked.ok) return { ok: true, url: asked.value, cookie };
  log.warn('nobody can log in now', { why: asked.sentence, hint: asked.hint });
  return asked;
}

/** What a browser comes back with. */
export interface Returned {
  readonly cookie: string | undefined;
  /** The query, as it came. */
  readonly query: string;
  /** From where. */
  readonly from: string | null;
  /** The session that the same browser had: it ends. */
  readonly before: TokenId | null;
}

export type FinishedLogin =
  | { readonly ok: true; readonly token: string; readonly expiresAt: number; readonly to: string }
  /** `forbidden`: the provider knows them, and they may do nothing here. */
  | {
      readonly ok: false;
      readonly why: NotLoggedIn['why'] | 'forbidden';
      readonly sentence: string;
      readonly hint: string;
      /** Who it was, where that became known. */
      readonly by?: string;
    };

/** Opens a session for who has shown to the provider who they are, and whose role it tells. */
export async function finishLogin(
  context: LoginContext,
  settings: OidcSettings,
  back: Returned,
): Promise<FinishedLogin> {
  const attempt = attemptOf(context, settings, back);
  if ('ok' in attempt) return attempt;
  const secrets = { ...attempt.secrets, redirectUri: redirectUriOf(settings) };
  const said = await context.identity.claimsOf(settings, back.query, secrets);
  if (!said.ok) {
    context.log.warn('a login failed', { why: said.sentence, from: back.from });
    return said;
  }
  const person = personBy(said.value, settings);
  if (typeof person === 'string')
    return { ok: false, why: 'forbidden', sentence: person, hint: 'have it tell one of them' };
  const { name, role } = person;
  if (role === null) {
    const sentence = `${name} is in none of the groups that may do something here (${settings.claim})`;
    return { ok: false, why: 'forbidden', sentence, hint: 'ask whoever looks after them, then log in again', by: name };
  }
  const opened = await openSession(context, { ...person, role }, { ...back, hours: settings.sessionHours });
  if (!opened.ok) context.log.error('no session could be opened', { why: opened.sentence, hint: opened.hint });
  return opened.ok ? { ok: true, ...opened.value, to: attempt.to } : { ...opened, why: 'setup' };
}

function redirectUriOf({ publicUrl }: OidcSettings): string {
  return `${publicUrl}/login/callback`;
}

const UNKNOWN_ATTEMPT = {
  unknown: 'this browser has not begun to log in here, or the server was started anew meanwhile',
  expired: 'it took too long to log in',
  used: 'this login was finished before',
} as const;

function attemptOf(
  { loginAttempts }: LoginContext,
  { issuer, publicUrl }: OidcSettings,
  { cookie, query }: Returned,
): LoginAttempt | NotLoggedIn {
  const [state, ...more] = new URLSearchParams(query).getAll('state');
  const attempt = loginAttempts.take(issuer, { cookie, state: more.length === 0 ? state : undefined });
  if (typeof attempt !== 'string') return attempt;
  return { ok: false, why: 'refused', sentence: UNKNOWN_ATTEMPT[attempt], hint: `begin again at ${publicUrl}/login` };
}

const HOUR_MS = 3_600_000;
/** Of one person at once, as many browsers as somebody may use; the oldest ends for one more. */
const MOST_OF_ONE = 10;
/** Of all. */
const MOST_SESSIONS = 10_000;

interface Opening {
  readonly from: string | null;
  readonly before: TokenId | null;
  readonly hours: number;
}

async function openSession(
  context: LoginContext,
  { name, role, subject }: KnownPerson & { readonly role: PersonCredential['role'] },
  { from, before, hours }: Opening,
): Promise<Attempt<{ token: string; expiresAt: number }>> {
  const at = context.time.now();
  const token = tokenFrom('session', context.random(SECRET_BYTES));
  const digest = digestOfToken(token);
  if (digest === undefined) throw new Error('a token that was just made is one');
  const expiresAt = at + hours * HOUR_MS;
  const session: PersonCredential = {
    kind: 'session',
    id: idOfToken(digest),
    digest,
    name,
    role,
    createdAt: at,
    createdBy: name,
    createdFrom: from,
    expiresAt,
  };
  const ended = [...(before === null ? [] : [before]), ...tooMany(context, name, at)];
  const changes: CredentialChange[] = [
    { kind: 'sweep', at },
    ...ended.map((id) => ({ kind: 'drop', id, at }) as const),
    { kind: 'put', credential: session },
  ];
  const opened = await context.credentials.change((kept) =>
    kept.count('session') < MOST_SESSIONS
      ? { result: true, changes }
      : { result: false, changes: [{ kind: 'sweep', at }] },
  );
  if (!opened.ok) return opened;
  if (!opened.value)
    return { ok: false, sentence: `there are ${MOST_SESSIONS} sessions already`, hint: 'wait until some have ended' };
  noteAccess(context, {
    kind: 'login',
    actor: { by: name, from },
    subject: name,
    after: role,
    summary: `${name} logged in as ${role} (${subject} at the provider), session ${session.id} until ${instant(expiresAt)}`,
  });
  return { ok: true, value: { token, expiresAt } };
}

/** The oldest sessions of somebody who would have too many with one more. */
function tooMany({ credentials }: LoginContext, name: string, at: number): TokenId[] {
  const theirs = credentials
    .list({ kinds: ['session'], limit: MOST_SESSIONS })
    .filter((one) => one.kind === 'session' && one.name === name && (one.expiresAt ?? at) > at)
    .sort((one, other) => one.createdAt - other.createdAt);
  return theirs.slice(0, Math.max(0, theirs.length + 1 - MOST_OF_ONE)).map(({ id }) => id);
}

/** Ends a session at once. */
export async function endSession(context: LoginContext, id: TokenId, actor: Actor): Promise<Attempt<true>> {
  const at = context.time.now();
  const ended = await context.credentials.change(
    () => ({ result: true, changes: [{ kind: 'drop', id, at }] }) as const,
  );
  if (ended.ok)
    noteAccess(context, {
      kind: 'login',
      actor,
      subject: actor.by,
      summary: `${actor.by} logged out of session ${id}`,
    });
  return ended;
}
