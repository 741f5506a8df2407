import type { Report } from '../../protocol/assignment.ts';
import { ask } from './ask.ts';

let runs = 0;

/** Posts what a host says of a tag, by default the one that it is told when it asks; answers the status. */
export async function say(
  server: { readonly url: string },
  host: string,
  {
    outcome,
    tag,
    runId,
  }: { readonly outcome: Report['outcome']; readonly tag?: string | null; readonly runId?: string },
): Promise<number> {
  runs += 1;
  const of = tag === undefined ? (await ask(server, host)).tag : tag;
  const body = {
    runId: runId ?? `run-of-test-${runs}`,
    tag: of,
    digest: null,
    outcome,
    startedAt: '2026-11-20T10:30:00Z',
    durationMs: 12,
    changed: 0,
    error: outcome === 'applied' ? null : 'nginx -t failed',
  };
  const headers = { 'Content-Type': 'application/json' };
  const answer = await fetch(`${server.url}/v1/nodes/${host}/reports`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  await answer.arrayBuffer();
  return answer.status;
}
