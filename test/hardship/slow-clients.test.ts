import { readFileSync } from 'node:fs';
import { Agent } from 'node:http';
import { Agent as TlsAgent } from 'node:https';
import { expect, onTestFinished, test } from 'vitest';
import { testBase, useBases } from '../cli/base.ts';
import { serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { tlsPlace } from '../tls/tls-serving.ts';
import {
  clientHello,
  dribbling,
  dribblingHeaders,
  dribblingHeadersOverTls,
  type FleetPolls,
  fleetPolls,
  idle,
  type Nuisance,
  nuisance,
  saying,
} from './crowd.ts';

useBases();

const [IDLE, DRIBBLING, HOSTS] = [2_000, 500, 20];
/** Shorter than by default, so that all are cut off while the test looks; the fleet's own connections stay open. */
const ENV = {
  TAGWAVE_HTTP_HEADERS_TIMEOUT_SECONDS: '10',
  TAGWAVE_HTTP_REQUEST_TIMEOUT_SECONDS: '10',
  TAGWAVE_HTTP_KEEP_ALIVE_TIMEOUT_SECONDS: '60',
  TAGWAVE_LOG_LEVEL: 'warn',
};
/** With 2,500 connections that do nothing: what many of them would cost without a bound is many times that. */
const MOST_MEBIBYTES = 700;
const TEST_MS = 120_000;

interface Siege {
  readonly name: string;
  /** How many are cut off before it ends: where the machine is busy, some stay in the kernel's queue for half a minute. */
  readonly share: number;
  readonly url: string;
  readonly pid: number;
  readonly nuisances: readonly Nuisance[];
  readonly fleets: readonly FleetPolls[];
}

/** Goes on until most of those who keep the server waiting were cut off, and looks how the fleet fared. */
async function lastsThrough({ name, share, pid, nuisances, fleets }: Siege): Promise<void> {
  for (const each of nuisances) onTestFinished(() => each.stop());
  const cutOff = (): number => nuisances.reduce((sum, each) => sum + each.cutOff(), 0);
  const polls = (): number => fleets.reduce((sum, { took }) => sum + took.length, 0);
  const most = (IDLE + DRIBBLING) * share;
  await until('them to be cut off', () => (cutOff() >= most && polls() >= 10 * HOSTS) || undefined);
  for (const each of fleets) await each.stop();
  for (const each of nuisances) each.stop();
  const took = fleets.flatMap((each) => each.took).sort((a, b) => a - b);
  const failures = fleets.flatMap((each) => each.failures);
  const p99 = took[Math.floor(took.length * 0.99)] ?? 0;
  const mebibytes = peakMebibytes(pid);
  const ratio = (took.length - failures.length) / took.length;
  process.stdout.write(
    `${name}: ${took.length} polls beside ${IDLE} idle and ${DRIBBLING} dribbling connections, ratio of success ${ratio}, ` +
      `p99 ${p99.toFixed(0)} ms; at most ${mebibytes.toFixed(0)} MiB\n`,
  );
  expect(failures).toEqual([]);
  expect(mebibytes).toBeLessThan(MOST_MEBIBYTES);
}

/** The most memory that the process has had at once. */
function peakMebibytes(pid: number): number {
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

const hosts = (kind: string): string[] =>
  Array.from({ length: HOSTS / 2 }, (_, index) => `${kind}${index}.example.com`);
const PAUSE_MS = 100;

test(
  'a fleet polls without a failure beside 2,000 idle and 500 dribbling connections, which are cut off',
  async () => {
    const { base } = await testBase();
    const { url, child } = await serve(base, { env: ENV });
    const agent = new Agent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    await lastsThrough({
      name: 'plain HTTP',
      share: 0.95,
      url,
      pid: child.pid ?? 0,
      nuisances: [nuisance(url, IDLE, idle), nuisance(url, DRIBBLING, dribblingHeaders)],
      fleets: [
        fleetPolls({ url, hosts: hosts('kept'), agent, pauseMs: PAUSE_MS }),
        fleetPolls({ url, hosts: hosts('fresh'), pauseMs: PAUSE_MS }),
      ],
    });
  },
  TEST_MS,
);

test(
  'over TLS, too, whether they say nothing, stop in the middle of the handshake, or are slow in it or after it',
  async () => {
    const { base } = await testBase();
    const place = await tlsPlace();
    const files = {
      TAGWAVE_TLS_CERT: String(place.settings['tls.cert']),
      TAGWAVE_TLS_KEY: String(place.settings['tls.key']),
    };
    const { url, child } = await serve(base, { env: { ...ENV, ...files } });
    const agent = new TlsAgent({ keepAlive: true });
    onTestFinished(() => agent.destroy());
    const hello = await clientHello();
    const ca = place.authority.certificate;
    await lastsThrough({
      name: 'TLS',
      share: 0.5,
      url,
      pid: child.pid ?? 0,
      nuisances: [
        nuisance(url, IDLE / 2, idle),
        nuisance(url, IDLE / 2, saying(hello)),
        nuisance(url, DRIBBLING / 2, dribbling(hello)),
        nuisance(url, DRIBBLING / 2, dribblingHeadersOverTls),
      ],
      fleets: [
        fleetPolls({ url, ca, hosts: hosts('kept'), agent, pauseMs: PAUSE_MS }),
        fleetPolls({ url, ca, hosts: hosts('fresh'), pauseMs: PAUSE_MS }),
      ],
    });
  },
  TEST_MS,
);
