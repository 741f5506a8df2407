import type { Hostname } from '../../protocol/names.ts';
import { type Enrolment, enrol, type JoiningRules } from '../core/enrolment.ts';
import { groupsOf } from '../core/groups.ts';
import { type Rotation, rotate } from '../core/rotation.ts';
import type { TokenDigest, TokenId } from '../core/token.ts';
import type { Attempt } from '../ports/common.ts';
import { noteAccess } from './audit.ts';
import type { Context } from './context.ts';
import type { Controls } from './desk.ts';

export interface EnrolmentOrder {
  readonly hostname: Hostname;
  readonly digest: TokenDigest;
  /** The join token that was shown; `other`: something else was. */
  readonly shown: TokenId | 'other' | undefined;
  readonly from: string | null;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** Lets a host in, lets it wait or turns it away, as `auth.joining` says. Why it is turned away is in the log, not for it. */
export async function enrolHost(
  context: Context,
  controls: Controls,
  { hostname, digest, shown, from }: EnrolmentOrder,
): Promise<Attempt<Enrolment>> {
  const at = context.time.now();
  const request = { hostname, digest, at, from, showedOther: shown === 'other' };
  const rules = joiningRules(controls, hostname, shown === 'other' ? undefined : shown);
  const enrolled = await context.credentials.change((kept) => enrol(kept, request, rules));
  if (!enrolled.ok) {
    context.log.warn('a host could not be let in', { hostname, from, why: enrolled.sentence });
    return enrolled;
  }
  const { value } = enrolled;
  if (value.kind === 'refused') context.log.warn('a host was not let in', { hostname, from, why: value.why });
  else if (value.isNew)
    noteAccess(context, {
      kind: 'enrolment',
      actor: { by: hostname, from },
      subject: hostname,
      after: value.credential.state,
      summary: summaryOf(value, rules),
    });
  return enrolled;
}

function joiningRules({ settings, nodes, nodeGroups }: Controls, hostname: Hostname, shown?: TokenId): JoiningRules {
  const { auth, fleet } = settings;
  const { joining } = auth;
  const mostNames = fleet.mostNodes;
  switch (joining) {
    case 'join-token': {
      // Not what the nodegrouper says: a program of the site is not asked about a host that nobody knows.
      const groups = groupsOf({ nodes, nodeGroups, hostname, grouper: [] });
      return { joining, shown, groups, mostNames };
    }
    case 'approve':
      return { joining, pendingMs: auth.pendingHours * HOUR_MS, mostNames };
    case 'first-use':
    case 'closed':
      return { joining, mostNames };
    default:
      return joining satisfies never;
  }
}

function summaryOf({ credential, by }: Extract<Enrolment, { kind: 'in' }>, { joining }: JoiningRules): string {
  const { hostname, id, state } = credential;
  if (state === 'pending') return `${hostname} asks to be let in with the token ${id}`;
  const how = by === null ? joining : `by the join token ${by}`;
  return `${hostname} joined with the token ${id} (${how})`;
}

export interface RotationOrder {
  readonly hostname: Hostname;
  /** That the host has shown. */
  readonly shown: TokenId;
  readonly digest: TokenDigest;
  readonly from: string | null;
  readonly overlapMinutes: number;
}

/** Puts another token in the place of one that a host has shown. */
export async function rotateToken(context: Context, order: RotationOrder): Promise<Attempt<Rotation>> {
  const { hostname, shown, from } = order;
  const overlapMs = order.overlapMinutes * MINUTE_MS;
  const request = { hostname, shown, digest: order.digest, at: context.time.now(), from, overlapMs };
  const rotated = await context.credentials.change((kept) => rotate(kept, request));
  if (!rotated.ok) {
    context.log.warn('the token of a host could not be replaced', { hostname, from, why: rotated.sentence });
    return rotated;
  }
  const { value } = rotated;
  if (value.kind !== 'done')
    context.log.warn('the token of a host was not replaced', { hostname, from, why: whyNot(value) });
  else if (value.isNew)
    noteAccess(context, {
      kind: 'token',
      actor: { by: hostname, from },
      subject: hostname,
      before: shown,
      after: value.credential.id,
      summary: `${hostname} replaced its token ${shown} by ${value.credential.id}${until(value.oldUntil)}`,
    });
  return rotated;
}

function whyNot(rotation: Exclude<Rotation, { kind: 'done' }>): string {
  return rotation.kind === 'refused' ? rotation.why : rotation.kind;
}

function until(at: number | null): string {
  return at === null ? '' : `; the old one counts until ${new Date(at).toISOString()}`;
}
