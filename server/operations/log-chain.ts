import type { Context } from './context.ts';

/** Says in the log where the chain of events ends: whoever ships the log elsewhere has something there to hold the history against. */
export async function logChain({ store, log }: Pick<Context, 'store' | 'log'>): Promise<void> {
  // A history that cannot be read is a problem of its own.
  const head = await store.chainHead().catch(() => null);
  if (head !== null) log.info('the chain of events ends here', { ...head });
}
