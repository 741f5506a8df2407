import type { Report } from '../../protocol/assignment.ts';
import type { Hostname } from '../../protocol/names.ts';
import type { Context } from './context.ts';

/** Keeps what a host says happened; durable once it is answered. The same run twice counts once. */
export async function report(context: Context, hostname: Hostname, said: Report): Promise<'new' | 'known'> {
  const at = context.time.now();
  const outcome = await context.store.recordReport(hostname, said, at);
  if (outcome === 'new' && said.outcome !== 'unchanged') {
    context.journal.add({
      at,
      kind: 'report',
      by: hostname,
      subject: hostname,
      before: null,
      after: said.outcome,
      summary: summaryOf(hostname, said),
    });
  }
  return outcome;
}

function summaryOf(hostname: Hostname, { outcome, tag, changed, error }: Report): string {
  const what = `${hostname} ${outcome} ${tag ?? 'nothing'} (${changed} changed)`;
  return error === undefined || error === null || error === '' ? what : `${what}: ${error.split('\n')[0] ?? ''}`;
}
