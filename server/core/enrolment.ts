import type { Hostname } from '../../protocol/names.ts';
import { type Credential, isExpired, type NodeCredential } from './credential.ts';
import type { Decided, KeptCredentials } from './credential-change.ts';
import { matchesGlob, parseHostPattern } from './globs.ts';
import { idOfToken, type TokenDigest, type TokenId } from './token.ts';

/** Instants are milliseconds since 1970. */
export interface EnrolmentRequest {
  readonly hostname: Hostname;
  /** Of the token that the host has made for itself. */
  readonly digest: TokenDigest;
  readonly at: number;
  /** The address from which it asks. */
  readonly from: string | null;
  /** Something came along that is no join token that counts. */
  readonly showedOther: boolean;
}

/** How a host gets in whose name has no token yet. */
export type JoiningRules = (
  | { readonly joining: 'first-use' | 'closed' }
  /** `shown`: the join token that came along, `groups`: those that the control files give the host. */
  | { readonly joining: 'join-token'; readonly shown: TokenId | undefined; readonly groups: readonly string[] }
  | { readonly joining: 'approve'; readonly pendingMs: number }
) & {
  /** So many names are taken at most. */
  readonly mostNames: number;
};

export type Enrolment =
  | {
      readonly kind: 'in';
      readonly credential: NodeCredential;
      readonly isNew: boolean;
      /** The join token that let it in. */
      readonly by: TokenId | null;
    }
  /** `why` is for those who look after the server, and for nobody else. */
  | { readonly kind: 'refused'; readonly why: string };

/** So many hosts may wait at once to be let in, so many under one name. */
export const MOST_PENDING = 1_000;
const MOST_PENDING_OF_NAME = 5;
/** And so many from one address, so that nobody alone takes the places of all. */
export const MOST_PENDING_OF_ADDRESS = 200;

/**
 * Whether a host is let in. The same digest for the same host again is answered the same, whatever has changed meanwhile: an
 * answer may be lost. A digest that is known for anything else, or has the id of one that is, never is.
 */
export function enrol(kept: KeptCredentials, request: EnrolmentRequest, rules: JoiningRules): Decided<Enrolment> {
  const { hostname, digest, at } = request;
  const id = idOfToken(digest);
  const known = kept.find(id);
  if (known !== undefined)
    return isOfHost(known, request) && !isExpired(known, at)
      ? { result: { kind: 'in', credential: known, isNew: false, by: null }, changes: [] }
      : refused(`the token that ${hostname} handed in is known for something else, or has expired`);
  if (kept.isGone(id)) return refused(`the token that ${hostname} handed in was revoked or turned down`);
  if (request.showedOther) return refused(`${hostname} showed something that is no join token that counts`);
  switch (rules.joining) {
    case 'closed':
      return refused('auth.joining is closed');
    case 'first-use':
      return letIn(kept, request, rules);
    case 'join-token':
      return enrolByJoinToken(kept, request, rules);
    case 'approve':
      return letWait(kept, request, rules.pendingMs);
    default:
      return rules satisfies never;
  }
}

function isOfHost(known: Credential, { hostname, digest }: EnrolmentRequest): known is NodeCredential {
  return known.kind === 'node' && known.hostname === hostname && known.digest === digest;
}

function enrolByJoinToken(
  kept: KeptCredentials,
  request: EnrolmentRequest,
  rules: Extract<JoiningRules, { joining: 'join-token' }>,
): Decided<Enrolment> {
  const { hostname, at } = request;
  const join = rules.shown === undefined ? undefined : kept.find(rules.shown);
  if (join?.kind !== 'join') return refused(`${hostname} showed no join token that counts`);
  if (isExpired(join, at)) return refused(`the join token ${join.id} has expired`);
  if (!matches(join.hosts, hostname)) return refused(`the join token ${join.id} is for ${join.hosts}`);
  if (join.groups.length > 0 && !join.groups.some((group) => rules.groups.includes(group)))
    return refused(`the join token ${join.id} is for the groups ${join.groups.join(', ')}, and ${hostname} is in none`);
  if (join.usesLeft !== null && join.usesLeft < 1)
    return refused(`the join token ${join.id} has let in as many hosts as it may`);
  const decided = letIn(kept, request, rules);
  if (decided.result.kind === 'refused') return decided;
  const usesLeft = join.usesLeft === null ? null : join.usesLeft - 1;
  return {
    result: { ...decided.result, by: join.id },
    changes: [...decided.changes, { kind: 'put', credential: { ...join, usesLeft } }],
  };
}

/** Also a name whose tokens were all revoked is taken: whoever asks next is most likely the one that they were revoked for. */
function letIn(
  kept: KeptCredentials,
  request: EnrolmentRequest,
  { mostNames }: Pick<JoiningRules, 'mostNames'>,
): Decided<Enrolment> {
  const { hostname } = request;
  if (kept.isTaken(hostname))
    return refused(
      `${hostname} has or had another token; "tagwave-server token forget ${hostname}" sets the name free`,
    );
  if (kept.count('names') >= mostNames) return refused(tooManyNames(mostNames));
  const credential = credentialFor(request, { state: 'active', expiresAt: null });
  return { result: { kind: 'in', credential, isNew: true, by: null }, changes: [{ kind: 'put', credential }] };
}

/** Whoever says yes sees all who ask for a name: a later one never takes the place of an earlier. */
function letWait(kept: KeptCredentials, request: EnrolmentRequest, pendingMs: number): Decided<Enrolment> {
  const { hostname, at, from } = request;
  const waiting = kept.ofNode(hostname).filter((one) => one.state === 'pending' && !isExpired(one, at));
  if (waiting.length >= MOST_PENDING_OF_NAME)
    return refused(`${waiting.length} others wait as ${hostname}: turn down those that are not it`);
  if (from !== null && kept.pendingFrom(from) >= MOST_PENDING_OF_ADDRESS)
    return {
      ...refused(`${MOST_PENDING_OF_ADDRESS} hosts wait that asked from ${from}`),
      changes: [{ kind: 'sweep', at }],
    };
  if (kept.count('pending') >= MOST_PENDING)
    // Some of them may have waited for too long.
    return { ...refused(`${MOST_PENDING} hosts wait already`), changes: [{ kind: 'sweep', at }] };
  const credential = credentialFor(request, { state: 'pending', expiresAt: at + pendingMs });
  return { result: { kind: 'in', credential, isNew: true, by: null }, changes: [{ kind: 'put', credential }] };
}

function credentialFor(
  { hostname, digest, at, from }: EnrolmentRequest,
  standing: Pick<NodeCredential, 'state' | 'expiresAt'>,
): NodeCredential {
  const made = { createdAt: at, createdBy: hostname, createdFrom: from };
  return { kind: 'node', id: idOfToken(digest), digest, hostname, ...made, ...standing, replacedBy: null };
}

function matches(hosts: string, hostname: Hostname): boolean {
  const pattern = parseHostPattern(hosts);
  if (pattern === undefined) return false;
  return pattern.kind === 'exact' ? pattern.hostname === hostname : matchesGlob(pattern.glob, hostname);
}

function refused(why: string): Decided<Extract<Enrolment, { kind: 'refused' }>> {
  return { result: { kind: 'refused', why }, changes: [] };
}

function tooManyNames(most: number): string {
  return `${most} hosts have tokens, as many as are remembered (fleet.most_nodes)`;
}

export type Judgement =
  | {
      readonly kind: 'done';
      readonly credential: NodeCredential;
      /** What counts no more because of it: other tokens of the host, and others that asked for its name. */
      readonly dropped: readonly NodeCredential[];
    }
  | { readonly kind: 'already'; readonly credential: NodeCredential }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'refused'; readonly why: string };

export interface Verdict {
  readonly id: TokenId;
  readonly isApproved: boolean;
  readonly at: number;
  readonly mostNames: number;
}

/**
 * Lets in a host that waits, or turns it down. Who is let in is the only one under that name from then on: somebody has just
 * said that this is it.
 */
export function judge(kept: KeptCredentials, { id, isApproved, at, mostNames }: Verdict): Decided<Judgement> {
  const credential = kept.find(id);
  if (credential?.kind !== 'node' || isExpired(credential, at)) return { result: { kind: 'unknown' }, changes: [] };
  if (credential.state === 'active')
    return { result: isApproved ? { kind: 'already', credential } : { kind: 'unknown' }, changes: [] };
  if (!isApproved) return { result: { kind: 'done', credential, dropped: [] }, changes: [{ kind: 'drop', id, at }] };
  const { hostname } = credential;
  if (!kept.isTaken(hostname) && kept.count('names') >= mostNames)
    return { result: { kind: 'refused', why: tooManyNames(mostNames) }, changes: [] };
  const approved: NodeCredential = { ...credential, state: 'active', expiresAt: null };
  const dropped = kept.ofNode(hostname).filter((other) => other.id !== id);
  return {
    result: { kind: 'done', credential: approved, dropped },
    changes: [
      ...dropped.map((other) => ({ kind: 'drop', id: other.id, at }) as const),
      { kind: 'put', credential: approved },
    ],
  };
}
