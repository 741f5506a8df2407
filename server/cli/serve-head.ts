import { compose } from '../compose.ts';
import { sentenceOf } from '../core/problem.ts';
import { serverLog } from '../server-log.ts';
import { startHead } from '../workers/head.ts';
import type { FromHead, ToHead } from '../workers/messages.ts';
import { openSupervision } from '../workers/supervision.ts';
import { type ExitCode, fail } from './command.ts';
import { refuse, type ServeOptions, settled, sourceOf, tellOfProcess } from './starting.ts';

/** The part of a server with workers that decides, makes tags and writes the history; doors ask it. */
export async function serveHead(options: ServeOptions): Promise<ExitCode> {
  process.title = 'tagwave-server head';
  const log = serverLog();
  const supervisor = openSupervision<ToHead, FromHead>();
  // Whoever came through a door hears nothing any more where there is no supervisor.
  const orphaned = supervisor.orphaned.then(() => ({ kind: 'stop', graceSeconds: 0 }) as const);
  const stopped = Promise.race([supervisor.first('stop'), orphaned]);
  supervisor.say({ kind: 'loaded' });
  const begun = await Promise.race([supervisor.first('begin'), stopped]);
  if (begun.kind === 'stop') return 0;
  const composed = await compose({ ...sourceOf(options), role: 'server', log });
  if (!composed.ok) return refuse(options, composed.errors.map(sentenceOf));
  const { app } = composed;
  log.setLevel(app.settings.log.level);
  tellOfProcess(app);
  supervisor.on('problems', ({ problems }) => app.context.problems.set('workers', problems));
  const started = await startHead(app, begun.startedWith);
  if (!started.ok) return fail(options, started);
  const { socket, rest, stop } = started.value;
  supervisor.on('rest', () => void rest().then(() => supervisor.say({ kind: 'resting' })));
  const first = await Promise.race([settled(app), stopped]);
  if (first.kind === 'ready')
    supervisor.say({ kind: 'ready', at: { socket, settings: app.settings, base: app.context.base } });
  if (first.kind === 'refused') {
    await stop(0);
    return refuse(options, first.sentences);
  }
  const { graceSeconds } = await stopped;
  await stop(graceSeconds);
  return 0;
}
