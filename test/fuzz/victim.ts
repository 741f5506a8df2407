import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { execa } from 'execa';
import { openLog } from '../../server/adapters/log.ts';
import { compose } from '../../server/compose.ts';
import { backfill } from '../../server/operations/snapshot.ts';
import { startServer } from '../../server/serve.ts';
import type { SettingKey } from '../../server/settings/schema.ts';
import { movableClock } from '../rig/clock.ts';
import { gitEnvironment } from '../rig/git.ts';

/** A whole server on loopback, and everything around it that must stay as it is. */
export interface Victim {
  /** Sends bytes, then polls as any host does. Answers all that came back by then, or until the connection was closed. */
  send(bytes: Buffer, until: 'closed' | 'polled'): Promise<string>;
  /** The status of a usual poll. */
  poll(): Promise<number>;
  /** Names and contents of the control files, and the names of all around. */
  look(): Surroundings;
  /** Takes away what stops hosts. */
  release(): void;
  close(): Promise<void>;
}

export interface Surroundings {
  readonly around: readonly string[];
  readonly base: readonly string[];
  readonly controls: string;
}

const FILES = { tagstate: '# marks\n', pins: '# pins\n', 'nodes.yml': 'web1: [prod]\n' } as const;
const SILENCE_MS = 30_000;

export async function openVictim(settings: Partial<Record<SettingKey, unknown>>): Promise<Victim> {
  const root = mkdtempSync(join(tmpdir(), 'tagwave-test-'));
  const [base, config] = [join(root, 'base'), join(root, 'config')];
  mkdirSync(base);
  mkdirSync(config);
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(base, name), text);
  writeFileSync(join(config, 'motd'), 'hello\n');
  const git = (...args: string[]) => execa('git', args, { cwd: config, env: gitEnvironment('2026-11-20T06:00:00Z') });
  await git('init', '--quiet', '--initial-branch=main');
  await git('add', '--all');
  await git('commit', '--quiet', '--message=Begin');
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const composed = await compose({
    base,
    env: {},
    flags: { listen: '127.0.0.1:0', settle_seconds: 0, 'repo.url': config, 'repo.branch': 'main', ...settings },
    role: 'server',
    clock: movableClock('2026-11-20T11:20:00Z'),
    log: openLog({ level: 'debug', stream: silent }),
  });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  const filled = await backfill(composed.app.context, 6, { by: 'fuzz', from: null });
  if (filled.kind !== 'done') throw new Error(filled.sentence);
  const started = await startServer(composed.app);
  if (!started.ok) throw new Error(started.sentence);
  const { hostname, port } = new URL(started.value.url);
  const agent = new Agent({ keepAlive: true });

  const poll = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const asking = httpRequest({ hostname, port, path: '/v1/nodes/web1', agent, timeout: SILENCE_MS }, (response) => {
        response.resume();
        response.on('end', () => resolve(response.statusCode ?? 0));
      });
      asking.on('error', reject);
      asking.on('timeout', () => asking.destroy(new Error('a usual poll was not answered')));
      asking.end();
    });

  return {
    poll,
    async send(bytes, until) {
      const socket = connect(Number(port), hostname);
      let text = '';
      socket.setEncoding('latin1');
      // What is cut off is closed, however that looks from here.
      socket.on('error', () => undefined);
      const closed = new Promise<'closed'>((resolve) => socket.on('close', () => resolve('closed')));
      // A stream of events has no end.
      const streams = new Promise<'closed'>((resolve) => {
        socket.on('data', (piece) => {
          text += piece;
          if (/^content-type: text\/event-stream/im.test(text)) resolve('closed');
        });
      });
      socket.write(bytes);
      try {
        if (until === 'polled') {
          await poll();
          socket.end();
        }
        await within(Promise.race([closed, streams]), () =>
          JSON.stringify([bytes.toString('latin1'), text.slice(0, 500)]),
        );
        return text;
      } finally {
        socket.destroy();
      }
    },
    look: () => ({
      around: readdirSync(root).sort(),
      base: readdirSync(base).sort(),
      controls: JSON.stringify(Object.keys(FILES).map((name) => readFileSync(join(base, name), 'utf8'))),
    }),
    release() {
      for (const name of ['killswitch', 'killswitch.d']) rmSync(join(base, name), { recursive: true, force: true });
      for (const [name, text] of Object.entries(FILES)) writeFileSync(join(base, name), text);
    },
    async close() {
      agent.destroy();
      await started.value.stop();
      rmSync(root, { recursive: true, force: true, maxRetries: 10 });
    },
  };
}

function within<Value>(wanted: Promise<Value>, what: () => string): Promise<Value> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`neither answered nor closed: ${what()}`)), SILENCE_MS);
    wanted.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
