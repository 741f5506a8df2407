import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { get as getOverTls } from 'node:https';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { execa } from 'execa';
import { type BaseKind, makeBase } from './base.ts';
import type { Generating } from './generator.ts';
import type { Yardstick } from './yardsticks.ts';

/** A server in a process of its own. */
export interface Server {
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export interface TagwaveServer extends Server {
  readonly base: string;
}

/** Tagwave as it ships, with all settings as they are by default, on a base of its own. */
export async function startTagwave(
  at: Generating,
  name: string,
  { variables, ...kind }: BaseKind & { readonly variables?: Variables },
): Promise<TagwaveServer> {
  const base = await makeBase(at, name, kind);
  return { ...(await serveBase(at.dist, base, variables)), base };
}

/** Settings that are not as they are by default, such as `TAGWAVE_WORKERS`. */
export type Variables = Readonly<Record<string, string>>;

/** Tagwave as it ships, on a base that is there. */
export async function serveBase(dist: string, base: string, variables: Variables = {}): Promise<Server> {
  const how = ['serve', '--base', base, '--listen', '127.0.0.1:0'];
  const server = await start([join(dist, 'tagwave-server.js'), ...how], variables);
  await isReady(server.url);
  return server;
}

const MOST_LOOKS = 300;

/** Control files count once they have been unchanged for a while. */
async function isReady(url: string): Promise<void> {
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    if ((await statusOf(`${url}/readyz`)) === 200) return;
    await delay(100);
  }
  throw new Error(`${url} does not become ready`);
}

function statusOf(url: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const take = (answer: IncomingMessage): void => resolve(answer.resume().statusCode);
    // Certificates here are made for the day.
    const asked = url.startsWith('https:') ? getOverTls(url, { rejectUnauthorized: false }, take) : get(url, take);
    asked.once('error', reject);
  });
}

export function startYardstick(dist: string, name: Yardstick): Promise<Server> {
  return start([join(dist, 'bench.js'), 'yardstick', name]);
}

/** Git's own server of a repository; see there whose processor time counts. */
export function startGitHttp(dist: string, repository: string): Promise<Server> {
  return start([join(dist, 'bench.js'), 'git-http', repository]);
}

/** Uses servers, and stops them whatever happens; where one does not start, the others are stopped again. */
export async function withServers<const Servers extends readonly Server[], Result>(
  starting: { readonly [Index in keyof Servers]: Promise<Servers[Index]> },
  use: (servers: Servers) => Promise<Result>,
): Promise<Result> {
  try {
    const servers: unknown = await Promise.all(starting);
    return await use(servers as Servers);
  } finally {
    for (const started of await Promise.allSettled(starting))
      if (started.status === 'fulfilled') await started.value.stop();
  }
}

/** Starts a program that prints its URL when it is ready. */
async function start(args: readonly string[], env: Variables = {}): Promise<Server> {
  const child = execa(process.execPath, args, {
    env,
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
