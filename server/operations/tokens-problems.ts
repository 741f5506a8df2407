import { isExpired, type NodeCredential } from '../core/credential.ts';
import type { Problem } from '../core/problem.ts';
import { MOST_OF_KIND } from '../core/token-change.ts';
import type { Context } from './context.ts';
import { waitingCredentials } from './enrolments.ts';
import { wordsFor } from './tokens.ts';

type Ports = Pick<Context, 'credentials' | 'time' | 'problems'>;

const DAY_MS = 24 * 3_600_000;
const SOON_MS = 7 * DAY_MS;
/** Of one that was made for a few days everybody knows that it ends soon. */
const LASTING_MS = 14 * DAY_MS;
const NAMED = 10;

/** Called every second. */
export function refreshCredentialProblems({ credentials, time, problems }: Ports): void {
  const trouble = credentials.trouble();
  problems.set('credentials', trouble === null ? [] : [unusable(trouble)]);
  if (trouble === null) problems.set('enrolments', pendingProblem(waitingCredentials({ credentials, time })));
}

/** Called every minute: drops what has expired, and says what is about to. */
export async function lookAtExpiry({ credentials, time, problems }: Ports): Promise<void> {
  if (credentials.trouble() !== null) return;
  const at = time.now();
  problems.set('expiring tokens', expiringProblems(credentials, at));
  const isUsed = credentials.list({ kinds: ['node', 'person', 'session', 'join'], limit: 1 }).length > 0;
  if (isUsed) await credentials.change(() => ({ result: undefined, changes: [{ kind: 'sweep', at }] }));
}

function unusable(trouble: string): Problem {
  const [sentence = trouble, ...rest] = trouble.split('. ');
  return { id: 'credentials:unusable', severity: 'error', sentence, hint: rest.join('. ') };
}

function pendingProblem(waiting: readonly NodeCredential[]): Problem[] {
  if (waiting.length === 0) return [];
  const some = waiting
    .slice(0, NAMED)
    .map(({ hostname, createdFrom, id }) => `${hostname} from ${createdFrom ?? 'here'} (${id})`);
  const more = waiting.length > NAMED ? ` and ${waiting.length - NAMED} more` : '';
  const [who, wait] = waiting.length === 1 ? ['host', 'waits'] : ['hosts', 'wait'];
  return [
    {
      id: 'enrolments:waiting',
      severity: 'warning',
      sentence: `${waiting.length} ${who} ${wait} to be let in: ${some.join(', ')}${more}`,
      hint: 'see that each is what it says it is, then: tagwave-server approve ID, or tagwave-server deny ID',
    },
  ];
}

function expiringProblems(credentials: Ports['credentials'], at: number): Problem[] {
  const most = MOST_OF_KIND.person + MOST_OF_KIND.join;
  return credentials.list({ kinds: ['person', 'join'], limit: most }).flatMap((one): Problem[] => {
    const { id, expiresAt, createdAt } = one;
    if (expiresAt === null || isExpired(one, at) || expiresAt - at > SOON_MS) return [];
    if (expiresAt - createdAt < LASTING_MS) return [];
    const sentence = `${wordsFor(one)} (${id}) expires on ${new Date(expiresAt).toISOString()}`;
    const hint = 'where it is still needed, make another with "tagwave-server token create" and put it in its place';
    return [{ id: `token:expires:${id}`, severity: 'warning', sentence, hint }];
  });
}
