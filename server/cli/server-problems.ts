import { request } from 'node:http';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import type { ShownProblem } from '../../protocol/api/problem.ts';
import { statusSchema } from '../../protocol/api/status.ts';
import { addressOf } from '../http/socket-address.ts';
import type { Context } from '../operations/context.ts';

const PATIENCE_MS = 2_000;

/** Of the problems that stand, those that the server of this base knows, too; it alone knows of some, as of its notifications. */
export interface AllProblems {
  /** Worst first, then oldest. */
  readonly problems: readonly ShownProblem[];
  /** False where no server answers here, or not whoever asks. */
  readonly isServerHeard: boolean;
}

export async function allProblems({ problems }: Pick<Context, 'problems'>, stateDir: string): Promise<AllProblems> {
  const own = problems.standing();
  const told = await problemsOfServer(stateDir).catch(() => undefined);
  if (told === undefined) return { problems: own, isServerHeard: false };
  // The server has seen them longer; what it has not noticed yet stands all the same.
  const known = new Set(told.map(({ id }) => id));
  const rank = ({ severity }: ShownProblem) => (severity === 'error' ? 0 : 1);
  const all: ShownProblem[] = [...told, ...own.filter(({ id }) => !known.has(id))];
  return {
    problems: all.sort((a, b) => rank(a) - rank(b) || a.since.localeCompare(b.since)),
    isServerHeard: true,
  };
}

/** What the running server says on its socket. Throws where it does not, within two seconds. */
async function problemsOfServer(stateDir: string): Promise<readonly ShownProblem[]> {
  const body = await new Promise<Buffer>((resolve, reject) => {
    const asked = request({
      socketPath: addressOf(join(stateDir, 'admin.sock')),
      path: '/v1/status',
      headers: { Host: 'localhost', Connection: 'close' },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    asked.on('error', reject);
    asked.on('response', (response) => buffer(response).then(resolve, reject));
    asked.end();
  });
  return statusSchema.parse(JSON.parse(body.toString())).problems;
}
