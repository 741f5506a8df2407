import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type App, compose } from '../../server/compose.ts';
import { tagCurrentHour } from '../../server/operations/snapshot.ts';
import type { Log } from '../../server/ports.ts';
import { startServer } from '../../server/serve.ts';
import { type MovableClock, movableClock } from './clock.ts';
import { disposableDirectory } from './disposable.ts';

export interface TestServer {
  readonly base: string;
  readonly url: string;
  readonly app: App;
  readonly clock: MovableClock;
  /** Time passes to an instant, and what the server does on the hour and every minute is done. */
  passTo(instant: string): Promise<void>;
  stop(): Promise<void>;
}

export interface TestServerOptions {
  /** Where the clock stands at the start, RFC 3339. */
  readonly now: string;
  /** Control files to write first. `server.yml` gets `listen` and a short `settle_seconds` unless it is given. */
  readonly files?: Readonly<Record<string, string>>;
  readonly base?: string;
  readonly clock?: MovableClock;
  readonly env?: Readonly<Record<string, string>>;
}

const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/** The whole server, in this process, on a free port, with a clock that the test moves. Stopped when the test ends. */
export async function testServer(options: TestServerOptions): Promise<TestServer> {
  const base = options.base ?? (await disposableDirectory());
  const clock = options.clock ?? movableClock(options.now);
  await writeFiles(base, options.files ?? {});
  const env = {
    TAGWAVE_LISTEN: '127.0.0.1:0',
    TAGWAVE_SETTLE_SECONDS: '0.2',
    TAGWAVE_HTTP_LOCAL_CHANGES: 'true',
    ...options.env,
  };
  const composed = await compose({ base, env, flags: {}, role: 'server', log: quiet, clock });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  const started = await startServer(composed.app);
  if (!started.ok) throw new Error(started.sentence);
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= started.value.stop();
    return stopped;
  };
  onTestFinished(stop);
  const { app } = composed;
  return {
    base,
    url: started.value.url,
    app,
    clock,
    async passTo(instant) {
      clock.advance(Date.parse(instant) - clock.now());
      app.context.time.check();
      await tagCurrentHour(app.context);
    },
    stop,
  };
}

async function writeFiles(base: string, files: Readonly<Record<string, string>>): Promise<void> {
  await mkdir(base, { recursive: true });
  for (const [name, text] of Object.entries(files)) await writeFile(join(base, name), text);
}
