import { parseHostname } from '../../protocol/names.ts';
import { backfill } from '../../server/operations/snapshot.ts';
import { type SourceRepository, sourceRepository } from '../rig/git.ts';
import { type TestServer, testServer } from '../rig/server.ts';
import { pageDirectory } from './browser.ts';

const HOUR_MS = 3_600_000;

/** Hosts that poll a server when they are told to, and do what a client does as far as a server sees it. */
export interface Fleet {
  readonly server: TestServer;
  readonly source: SourceRepository;
  readonly hosts: readonly string[];
  /** Each asks once; who gets other content than it has applies it and says so. `failing`: who fails to. */
  poll(who?: readonly string[], failing?: readonly string[]): Promise<void>;
  /** Each asks once, and does nothing about it: for many. */
  ask(): Promise<void>;
  /** What a host runs: the tag it applied last. */
  runs(host: string): string | undefined;
}

export interface FleetOptions {
  /** RFC 3339. */
  readonly now: string;
  /** How many of each wave: development, qa, staging, production-east, production. */
  readonly counts?: readonly [number, number, number, number, number];
  /** So many hours have their tags at the beginning. */
  readonly hours?: number;
  /** More lines of `server.yml`. */
  readonly settings?: string;
}

const KINDS = [
  ['dev', 'dev'],
  ['qa', 'qa'],
  ['stg', 'stg'],
  ['east', 'prod-east'],
  ['web', 'prod'],
] as const;

const SCHEDULE = `waves:
  - {environment: development, groups: [dev], hours: 0, name: development}
  - {environment: qa, groups: [qa], hours: 1, name: qa}
  - {environment: staging, groups: [stg], hours: 2, name: staging}
  - {environment: production, groups: [prod-east], hours: 3, name: production-east}
  - {environment: production, default: true, hours: 4, name: production}
`;

export async function fleet({
  now,
  counts = [2, 3, 3, 4, 8],
  hours = 24,
  settings = '',
}: FleetOptions): Promise<Fleet> {
  const source = await sourceRepository();
  const start = Date.parse(now) - hours * HOUR_MS;
  for (let hour = 0; hour < hours; hour += 3) {
    const at = new Date(start + hour * HOUR_MS + 600_000).toISOString();
    await source.commit({ 'etc/motd': `written at ${at}\n` }, { at, message: `Welcome people at ${at.slice(11, 16)}` });
  }
  const nodes = KINDS.map(([prefix, group]) => `"${prefix}*.example.com": [${group}]\n`).join('');
  const server = await testServer({
    now,
    files: {
      'server.yml': `repo: {directory: ${source.directory}}\n${settings}`,
      'nodes.yml': nodes,
      'schedule.yml': SCHEDULE,
    },
    pageDirectory: await pageDirectory(),
  });
  await backfill(server.app.context, hours, { by: 'test', from: null });
  const hosts = KINDS.flatMap(([prefix], kind) =>
    Array.from({ length: counts[kind] ?? 0 }, (_, index) => `${prefix}${index + 1}.example.com`),
  );
  return { server, source, hosts, ...polling(server, hosts) };
}

interface Release {
  readonly tag: string;
  readonly digest: string;
}

function polling({ url, clock }: TestServer, hosts: readonly string[]): Pick<Fleet, 'poll' | 'ask' | 'runs'> {
  const running = new Map<string, Release>();
  let runs = 0;

  const report = async (host: string, release: Release, failed: boolean): Promise<void> => {
    const body = {
      runId: `run-${String(++runs).padStart(8, '0')}`,
      ...release,
      outcome: failed ? 'failed' : 'applied',
      startedAt: new Date(clock.now()).toISOString(),
      durationMs: 420,
      changed: failed ? 0 : 3,
      error: failed ? 'the hook "systemctl reload ntp" failed with exit code 1\nntp.conf line 4: syntax error' : null,
    };
    const answer = await fetch(`${url}/v1/nodes/${host}/reports`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${answer.status} ${await answer.text()}`);
  };

  const pollOne = async (host: string, failed: boolean): Promise<void> => {
    const has = running.get(host);
    const headers = has === undefined ? {} : { 'Tagwave-Running': has.digest };
    const answer = await fetch(`${url}/v1/nodes/${host}`, { headers });
    const told = (await answer.json()) as Release;
    if (answer.status !== 200) return;
    const release = { tag: told.tag, digest: told.digest };
    // Another tag of the same content is nothing to apply.
    if (told.digest === has?.digest) return void running.set(host, release);
    await report(host, release, failed);
    if (failed) return;
    running.set(host, release);
    await fetch(`${url}/v1/nodes/${host}`, { headers: { 'Tagwave-Running': release.digest } }).then((two) =>
      two.text(),
    );
  };

  return {
    poll: (who = hosts, failing = []) => severalAtOnce(who, (host) => pollOne(host, failing.includes(host))),
    ask: () =>
      severalAtOnce(hosts, async (host) => {
        await (await fetch(`${url}/v1/nodes/${host}`)).text();
      }),
    runs: (host) => running.get(parseHostname(host) ?? host)?.tag,
  };
}

async function severalAtOnce(hosts: readonly string[], work: (host: string) => Promise<void>): Promise<void> {
  const left = [...hosts].reverse();
  const worker = async (): Promise<void> => {
    for (let host = left.pop(); host !== undefined; host = left.pop()) await work(host);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}
