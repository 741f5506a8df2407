import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { makeSource } from './source.ts';
import type { Yardstick } from './yardsticks.ts';

/** A server in a process of its own. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

const HOURS = 12;
/** One wave: every host gets the tag of the hour. */
const SCHEDULE = 'waves: [{ environment: production, default: true, hours: 0 }]\n';

/** Tagwave as it ships, with all settings as they are by default, on a repository with a tag an hour for half a day. */
export async function startTagwave({ dist, work }: { dist: string; work: string }): Promise<Server> {
  const command = join(dist, 'tagwave-server.js');
  const base = join(work, 'base');
  await mkdir(base);
  await writeFile(join(base, 'schedule.yml'), SCHEDULE);
  const source = await makeSource(join(base, 'trunk'), { files: 100, committedAt: hoursAgo(HOURS + 1) });
  for (let hours = HOURS; hours > 0; hours--) await source.commit(hoursAgo(hours));
  await execa(process.execPath, [command, 'snapshot', '--backfill', String(HOURS), '--base', base]);
  return serveBase(dist, base);
}

/** Tagwave as it ships, on a base that is there. */
export function serveBase(dist: string, base: string): Promise<Server> {
  return start([join(dist, 'tagwave-server.js'), 'serve', '--base', base, '--listen', '127.0.0.1:0']);
}

/** Half past, so that none falls on the hour itself. */
function hoursAgo(hours: number): number {
  const HOUR_MS = 3_600_000;
  return Math.floor(Date.now() / HOUR_MS - hours) * HOUR_MS + HOUR_MS / 2;
}

export function startYardstick(dist: string, name: Yardstick): Promise<Server> {
  return start([join(dist, 'bench.js'), 'yardstick', name]);
}

/** Starts a program that prints its URL when it is ready. */
async function start(args: readonly string[]): Promise<Server> {
  const child = execa(process.execPath, args, {
    stdin: 'ignore',
    buffer: { stdout: false },
    reject: false,
  });
  // However this process ends, and before what they write to is removed.
  const kill = () => child.kill('SIGKILL');
  process.prependOnceListener('exit', kill);
  const ended = child.then(({ exitCode, stderr }) => {
    throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stderr}`);
  });
  const [url] = await Promise.race([once(createInterface(child.stdout), 'line'), ended]);
  ended.catch(() => undefined);
  if (child.pid === undefined) throw new Error(`${args.join(' ')} has no process id`);
  return {
    url: String(url),
    pid: child.pid,
    async stop() {
      child.kill('SIGTERM');
      await child;
      process.off('exit', kill);
    },
  };
}
