import type { Hostname } from '../../protocol/names.ts';
import { isExpired, type NodeCredential } from '../core/credential.ts';
import { type Judgement, judge, MOST_PENDING } from '../core/enrolment.ts';
import type { TokenId } from '../core/token.ts';
import type { Attempt } from '../ports/common.ts';
import { noteAccess } from './audit.ts';
import type { Actor, Context } from './context.ts';

/** A host that waits to be let in. Instants are RFC 3339. */
export interface Waiting {
  readonly id: TokenId;
  readonly hostname: Hostname;
  /** The address that it asked from. */
  readonly from: string | null;
  readonly askedAt: string;
  /** So long it may wait. */
  readonly until: string | null;
  /** Another token speaks for the name, which counts no more once this one is let in. */
  readonly replaces: boolean;
}

type Ports = Pick<Context, 'credentials' | 'time'>;

/** Who waits to be let in, oldest first. */
export function waitingHosts(ports: Ports): Waiting[] {
  return waitingCredentials(ports).map((one) => waiting(one, ports.credentials.ofNode(one.hostname)));
}

/** The same, without a look at each name. */
export function waitingCredentials({ credentials, time }: Ports): NodeCredential[] {
  const at = time.now();
  return credentials
    .list({ kinds: ['node'], state: 'pending', limit: MOST_PENDING })
    .flatMap((one) => (one.kind === 'node' && !isExpired(one, at) ? [one] : []))
    .sort((one, other) => one.createdAt - other.createdAt);
}

function waiting(credential: NodeCredential, ofNode: readonly NodeCredential[]): Waiting {
  const { id, hostname, createdFrom, createdAt, expiresAt } = credential;
  return {
    id,
    hostname,
    from: createdFrom,
    askedAt: new Date(createdAt).toISOString(),
    until: expiresAt === null ? null : new Date(expiresAt).toISOString(),
    replaces: ofNode.some(({ state }) => state === 'active'),
  };
}

export interface JudgementOrder {
  readonly id: TokenId;
  readonly isApproved: boolean;
  readonly mostNames: number;
  readonly reason?: string | undefined;
  readonly actor: Actor;
}

/** Lets in a host that waits, or turns it down. */
export async function judgeEnrolment(context: Context, order: JudgementOrder): Promise<Attempt<Judgement>> {
  const { id, isApproved, mostNames, actor } = order;
  const verdict = { id, isApproved, mostNames, at: context.time.now() };
  const judged = await context.credentials.change((kept) => judge(kept, verdict));
  if (!judged.ok || judged.value.kind !== 'done') return judged;
  const { credential, dropped } = judged.value;
  const { hostname, createdFrom } = credential;
  const others = dropped.map((other) => other.id).join(', ');
  const what = isApproved ? `was let in with the token ${id}` : `was turned down with the token ${id}`;
  const from = createdFrom === null ? '' : `, which asked from ${createdFrom},`;
  noteAccess(context, {
    kind: 'approval',
    actor,
    subject: hostname,
    before: 'pending',
    after: isApproved ? 'active' : null,
    why: order.reason ?? null,
    summary: `${hostname}${from} ${what}${others === '' ? '' : `; no more: ${others}`}`,
  });
  return judged;
}
