import type { Hour } from '../protocol/names.ts';
import { type App, compose } from '../server/compose.ts';
import type { Context } from '../server/operations/context.ts';
import { makeTag } from '../server/operations/make-tag.ts';
import type { Attempt, Log } from '../server/ports/common.ts';
import { stopwatch } from './stopwatch.ts';

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** Tagwave's parts as its commands put them together, on the repository `trunk` of a base. */
export async function composed(base: string): Promise<App> {
  const flags = { 'repo.fetch_timeout_seconds': 120 };
  const result = await compose({ base, env: {}, flags, role: 'worker', log: quiet });
  if (!result.ok) throw new Error(JSON.stringify(result.errors));
  return result.app;
}

/** Makes a tag as the server does on the hour. The manifest, which it makes on the way, is timed apart. */
export async function tagOf(context: Context, hour: Hour): Promise<{ tagMs: number; manifestMs: number }> {
  const tip = await context.repository.trunk();
  if (tip === undefined) throw new Error('nothing was fetched');
  let manifestMs = 0;
  const views: Context['views'] = {
    ...context.views,
    async ofTree(tree) {
      const making = stopwatch();
      const view = await context.views.ofTree(tree);
      manifestMs += making.ms();
      return view;
    },
  };
  const whole = stopwatch();
  const made = await makeTag(
    { ...context, views },
    {
      hour,
      commit: tip.commit,
      origin: 'cron',
      stale: false,
      fetched: tip.at,
      reasons: ['made to be measured'],
      actor: { by: 'bench', from: null },
    },
  );
  const tagMs = whole.ms() - manifestMs;
  const { outcome, record } = succeeded(made);
  if (outcome !== 'created' || record.broken !== null) throw new Error(`${record.name} was not made: ${record.broken}`);
  return { tagMs, manifestMs };
}

export function succeeded<Value>(attempt: Attempt<Value>): Value {
  if (!attempt.ok) throw new Error(attempt.sentence);
  return attempt.value;
}
