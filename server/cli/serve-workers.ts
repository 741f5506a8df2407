import { serverLog } from '../server-log.ts';
import type { Settings } from '../settings/settings.ts';
import { processStarter } from '../workers/processes.ts';
import { createSupervisor } from '../workers/supervisor.ts';
import { type ExitCode, fail, succeed } from './command.ts';
import { stopSignal } from './signals.ts';
import type { ServeOptions } from './starting.ts';

export interface Workers {
  readonly settings: Settings;
  readonly doors: number;
}

/** Looks after the processes of a server with several workers. */
export async function serveWorkers(options: ServeOptions, { settings, doors }: Workers): Promise<ExitCode> {
  const log = serverLog();
  log.setLevel(settings.log.level);
  const [, script = '', ...args] = process.argv;
  const supervisor = createSupervisor({ startedWith: settings, doors, log, ...processStarter({ script, args }) });
  const stopped = stopSignal(supervisor.kill);
  process.on('SIGHUP', supervisor.restart);
  const opened = await Promise.race([supervisor.open(), stopped]);
  if (opened?.kind === 'open') {
    log.info('listening', { url: opened.url, workers: doors });
    succeed(options, { ok: true, url: opened.url }, () => [opened.url]);
    await stopped;
  }
  const hasEnded = opened?.kind === 'ended';
  if (!hasEnded) log.info('stopping');
  await supervisor.stop();
  if (!hasEnded) log.info('stopped');
  if (opened?.kind === 'deaf') return fail(options, opened);
  return hasEnded && opened.code !== 0 ? 1 : 0;
}
