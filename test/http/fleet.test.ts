import { describe, expect, test } from 'vitest';
import { briefNodesSchema, nodeRecordSchema } from '../../protocol/api/nodes.ts';
import { type Serving, serving, sharedServing } from './serving.ts';

const [SIX, SEVEN, ELEVEN] = ['0600', '0700', '1100'].map((hour) => `etchautotag-20261120-${hour}`) as [
  string,
  string,
  string,
];
const FILES = {
  'nodes.yml': 'dev*.example.com: [dev]\nmail.example.com: {tag: etchautotag-20261120-0600}\n',
  pins: 'web9.example.com etchautotag-20261120-0600 until=2026-11-21T00:00Z waits for a part\n',
};
let runs = 0;

/** Asks as a host that runs something; answers what it was told. */
async function poll(server: Serving, host: string, running?: string): Promise<{ tag: string; digest: string }> {
  const headers = running === undefined ? {} : { 'Tagwave-Running': running };
  const answer = await server.ask(`/v1/nodes/${host}.example.com`, { headers });
  return answer.json() as { tag: string; digest: string };
}

async function report(
  server: Serving,
  host: string,
  said: { tag: string; digest: string },
  changes: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  runs += 1;
  const { status } = await server.ask(`/v1/nodes/${host}.example.com/reports`, {
    method: 'POST',
    json: {
      runId: `run-${String(runs).padStart(8, '0')}`,
      tag: said.tag,
      digest: said.digest,
      outcome: 'applied',
      startedAt: '2026-11-20T11:20:00Z',
      durationMs: 5,
      changed: 1,
      ...changes,
    },
  });
  expect(status).toBe(201);
}

async function list(server: Serving, query = ''): Promise<{ nodes: Record<string, unknown>[]; next: string | null }> {
  const answer = await server.ask(`/v1/fleet${query}`);
  expect(answer.status, answer.text).toBe(200);
  briefNodesSchema.parse(answer.json());
  return answer.json() as { nodes: Record<string, unknown>[]; next: string | null };
}

async function names(server: Serving, query: string): Promise<string[]> {
  return (await list(server, query)).nodes.map(({ hostname }) => String(hostname).replace('.example.com', ''));
}

/** Development, and production: one that runs what it should, one behind, one that failed, one that drifted, pinned ones. */
async function fleet(server: Serving): Promise<void> {
  const dev = await poll(server, 'dev1');
  await poll(server, 'dev1', dev.digest);
  await report(server, 'dev1', dev);
  const old = await poll(server, 'web9');
  await report(server, 'web9', old);
  await poll(server, 'mail', old.digest);
  const now = await poll(server, 'web1');
  await report(server, 'web1', now);
  await poll(server, 'web2', old.digest);
  await poll(server, 'web3', old.digest);
  await report(server, 'web3', now, { outcome: 'failed', error: 'nginx -t: unknown directive' });
  await poll(server, 'web4', now.digest);
  await report(server, 'web4', now, { drifted: { count: 2, paths: ['etc/motd', 'etc/hour-6'] } });
  await poll(server, 'web5');
}

describe('the nodes in brief', () => {
  const server = sharedServing({ files: FILES });

  test('say of each what it was told, is due and runs', async () => {
    await fleet(server());
    const { nodes, next } = await list(server());
    expect(next).toBeNull();
    const production = { environment: 'production', wave: 'production+4h', told: SEVEN, due: SEVEN };
    const well = { silent: false, drifted: false, pinned: false };
    expect(nodes).toMatchObject([
      { hostname: 'dev1.example.com', ...well, told: ELEVEN, due: ELEVEN, running: ELEVEN, outcome: 'applied' },
      { hostname: 'mail.example.com', told: SIX, running: SIX, outcome: null, behind: false, pinned: true },
      { hostname: 'web1.example.com', ...well, ...production, running: SEVEN, behind: false, outcome: 'applied' },
      { hostname: 'web2.example.com', ...well, ...production, running: SIX, behind: true, outcome: null },
      { hostname: 'web3.example.com', ...well, ...production, running: SIX, behind: true, outcome: 'failed' },
      { hostname: 'web4.example.com', ...production, running: SEVEN, behind: false, drifted: true },
      { hostname: 'web5.example.com', ...well, ...production, running: 'unknown', behind: false, outcome: null },
      { hostname: 'web9.example.com', told: SIX, due: SIX, running: SIX, behind: false, pinned: true },
    ]);
  });
});
