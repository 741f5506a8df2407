import type { Problem } from '../core/problem.ts';
import type { Attempt } from '../ports/common.ts';
import type { Fetched } from '../ports/repository.ts';
import type { Context } from './context.ts';
import { refreshShelf } from './refresh-shelf.ts';

/**
 * Takes the source's tip into the repository. A failure leaves everything as it was and stands as a problem until a fetch
 * succeeds; so does a tip that is not signed by those who have to, until another one or another file of those who may.
 */
export async function fetchSource(context: Context): Promise<Attempt<Fetched>> {
  const at = context.time.now();
  const began = context.clock.monotonic();
  const fetched = await context.repository.fetch(at, context.time.now);
  context.metrics.fetched(fetched.ok ? 'ok' : 'failed', context.clock.monotonic() - began);
  const problems: Problem[] = [];
  if (!fetched.ok) {
    problems.push({ id: 'repository:fetch-failed', severity: 'error', sentence: fetched.sentence, hint: fetched.hint });
    context.log.warn('fetch failed', { sentence: fetched.sentence });
  }
  context.problems.set('fetch', problems);
  if (fetched.ok && fetched.value.rewritten) noteRewrite(context, fetched.value, at);
  if (fetched.ok && fetched.value.previous !== fetched.value.tip.id) {
    context.journal.add({
      at,
      kind: 'fetch',
      by: fetched.value.tip.author,
      from: 'repository',
      subject: 'trunk',
      before: fetched.value.previous ?? null,
      after: fetched.value.tip.id,
      why: null,
      summary: `the tip is now ${fetched.value.tip.id.slice(0, 12)}: ${fetched.value.tip.subject}`,
    });
  }
  await refreshSignatureProblems(context);
  await refreshShelf(context);
  return fetched;
}

/** Whether the tip may be released. At each fetch, also one that fails: those who may sign can have changed since the last one. */
export async function refreshSignatureProblems(context: Context): Promise<void> {
  const tip = await context.repository.tip();
  const verified = tip === undefined ? undefined : await context.repository.verify(tip.commit, { afresh: true });
  if (tip === undefined || verified === undefined || verified.ok) {
    context.problems.set('signature', []);
    return;
  }
  const { sentence, hint } = verified;
  const id = `repository:unverified:${tip.commit.slice(0, 12)}`;
  const told = `no tag is made of the tip, and trunk stays what it was: ${sentence}`;
  context.problems.set('signature', [{ id, severity: 'error', sentence: told, hint }]);
  context.log.warn('the tip is not released', { commit: tip.commit, sentence });
}

/** Stands until the server is restarted: somebody should look, and the next fetch cannot tell that they did. */
function noteRewrite(context: Context, { tip, previous }: Fetched, at: number): void {
  const rewritten: Problem = {
    id: `repository:rewritten:${tip.id.slice(0, 12)}`,
    severity: 'warning',
    sentence: `the history of the configuration branch was rewritten: ${previous?.slice(0, 12)} is no ancestor of ${tip.id.slice(0, 12)} (${new Date(at).toISOString()})`,
    hint: 'ask who pushed with force; "repo.require_fast_forward: true" refuses such a fetch',
  };
  context.problems.set('rewritten', [rewritten]);
}
