import { existsSync } from 'node:fs';
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type App, compose } from '../../server/compose.ts';
import { refreshShelf } from '../../server/operations/refresh-shelf.ts';
import { tagCurrentHour } from '../../server/operations/snapshot.ts';
import type { Log } from '../../server/ports/common.ts';
import { startServer } from '../../server/serve.ts';
import { type MovableClock, movableClock } from './clock.ts';
import { disposableDirectory } from './disposable.ts';
import { until } from './until.ts';

export interface TestServer {
  readonly base: string;
  readonly url: string;
  readonly app: App;
  readonly clock: MovableClock;
  /** Time passes to an instant, and what the server does on the hour and every minute is done. */
  passTo(instant: string): Promise<void>;
  /** The server sees its control files as they are now; nobody has touched them for a moment only. */
  sweep(): void;
  /** The server sees its control files as they are now, and so much time passes that they are settled. */
  settle(): void;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** Where the clock stands at the start, RFC 3339. */
  readonly now: string;
  /** Control files to write first, as if they had been written an hour ago. */
  readonly files?: Readonly<Record<string, string>>;
  readonly base?: string;
  readonly clock?: MovableClock;
  readonly env?: Readonly<Record<string, string>>;
  /** Where the client is that hosts are given. */
  readonly clientDirectory?: string;
  /** Where the page is that people are shown. */
  readonly pageDirectory?: string;
}

/** Long enough that a file settles only when the test says so, however slow the machine is. */
const SETTLE_SECONDS = 60;
/** Longer than a look at the control files counts as fresh. */
const STALE_LOOK_MS = 100;

export const quiet: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};

/** The whole server, in this process, on a free port, with a clock that the test moves. Stopped when the test ends. */
export async function testServer(options: TestServerOptions): Promise<TestServer> {
  const base = options.base ?? (await disposableDirectory());
  const clock = options.clock ?? movableClock(options.now);
  await mkdir(base, { recursive: true });
  for (const [name, text] of Object.entries(options.files ?? {})) await writeSettled(join(base, name), text);
  const env = {
    TAGWAVE_LISTEN: '127.0.0.1:0',
    TAGWAVE_SETTLE_SECONDS: String(SETTLE_SECONDS),
    TAGWAVE_HTTP_LOCAL_CHANGES: 'true',
    ...options.env,
  };
  const { clientDirectory, pageDirectory } = options;
  const composed = await compose({
    base,
    env,
    flags: {},
    role: 'server',
    log: quiet,
    clock,
    ...(clientDirectory === undefined ? {} : { clientDirectory }),
    ...(pageDirectory === undefined ? {} : { pageDirectory }),
  });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  const started = await startServer(composed.app);
  if (!started.ok) throw new Error(started.sentence);
  // The check that every start begins with has looked at the clock when this is done: from here on the test moves it.
  await refreshShelf(composed.app.context);
  await missingIsMissing(composed.app);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= started.value.stop();
    return stopped;
  };
  onTestFinished(stop);
  const { app } = composed;
  const sweep = (): void => {
    clock.advance(STALE_LOOK_MS);
    app.context.desk.look();
  };
  return {
    base,
    url: started.value.url,
    app,
    clock,
    async passTo(instant) {
      clock.advance(Math.max(0, Date.parse(instant) - clock.now()));
      app.context.time.check();
      await tagCurrentHour(app.context);
    },
    sweep,
    settle() {
      sweep();
      clock.advance(Number(env.TAGWAVE_SETTLE_SECONDS) * 1000);
      sweep();
    },
    stop,
  };
}

/** A file that is not there may be on its way, for a moment: the server is not ready before it is over. */
async function missingIsMissing({ context: { base, desk } }: App): Promise<void> {
  await until('the missing control files to be missing', () => {
    const state = desk.look();
    return state.kind !== 'starting' || state.waitingFor.every((name) => existsSync(join(base, name)));
  });
}

/** A file that looks as if nobody had touched it for an hour. */
export async function writeSettled(path: string, text: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  await age(path);
}

export async function age(path: string): Promise<void> {
  const then = new Date(Date.now() - 3_600_000);
  await utimes(path, then, then);
}
