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

  test('are narrowed down by each filter, and by all that are given together', async () => {
    const asked: Readonly<Record<string, readonly string[]>> = {
      '?environment=development': ['dev1'],
      '?wave=production%2B4h&q=WEB': ['web1', 'web2', 'web3', 'web4', 'web5', 'web9'],
      '?wave=nothing': [],
      '?outcome=failed': ['web3'],
      '?outcome=failed,none': ['mail', 'web2', 'web3', 'web5'],
      '?q=1.example': ['dev1', 'web1'],
      '?q=web*.com': ['web1', 'web2', 'web3', 'web4', 'web5', 'web9'],
      '?q=*3*': ['web3'],
      '?q=%25': [],
      '?q=[w]eb*': [],
      '?behind=true': ['web2', 'web3'],
      '?behind=false&environment=production': ['mail', 'web1', 'web4', 'web5', 'web9'],
      '?drifted=true': ['web4'],
      '?pinned=true': ['mail', 'web9'],
      '?silent=true': [],
      '?behind=true&outcome=failed&q=web&environment=production&silent=false&pinned=false&drifted=false': ['web3'],
    };
    for (const [query, found] of Object.entries(asked))
      expect([query, await names(server(), query)]).toEqual([query, found]);
  });

  test('are listed a page at a time, also where a filter leaves out most of them', async () => {
    const first = await list(server(), '?limit=3&environment=production');
    expect([first.nodes.length, first.next]).toEqual([3, 'web2.example.com']);
    expect(await names(server(), `?limit=3&environment=production&after=${first.next}`)).toEqual([
      'web3',
      'web4',
      'web5',
    ]);
    expect(await list(server(), '?limit=3&environment=production&after=web5.example.com')).toMatchObject({
      next: null,
    });
    const behind = await list(server(), '?limit=1&behind=true');
    expect([behind.nodes[0]?.['hostname'], behind.next]).toEqual(['web2.example.com', 'web2.example.com']);
    expect(await names(server(), `?limit=1&behind=true&after=${behind.next}`)).toEqual(['web3']);
    expect(await list(server(), '?limit=1&behind=true&after=web3.example.com')).toEqual({ nodes: [], next: null });
  });

  test('are not listed where the question is not understood, or lies ahead', async () => {
    for (const query of [
      'silent=yes',
      'outcome=well',
      'limit=0',
      'limit=10001',
      'after=no%20host',
      'at=noon',
      'waves=x',
    ])
      expect([query, (await server().ask(`/v1/fleet?${query}`)).status]).toEqual([query, 400]);
    expect((await server().ask('/v1/fleet?at=2026-11-20T12:00Z')).json()).toMatchObject({ title: 'at lies ahead' });
  });
});

describe('a node', () => {
  const server = sharedServing({ files: FILES });

  test('is shown with all that is known of it: reports with what hooks printed, the pin, and what it was told when and why', async () => {
    await fleet(server());
    const { nodes } = await list(server(), '?q=web3');
    const record = (await server().ask('/v1/nodes/web3.example.com/record')).json();
    nodeRecordSchema.parse(record);
    expect(record).toMatchObject({
      node: nodes[0],
      groups: [],
      polls: expect.any(Number),
      firstSeen: expect.stringMatching(/^2026-11-20T11:2/),
      pin: null,
      reports: [{ tag: SEVEN, outcome: 'failed', error: 'nginx -t: unknown directive', drifted: null }],
      history: [{ at: expect.stringMatching(/^2026-11-20T11:2/), answer: SEVEN, wave: 'production+4h' }],
    });
    const { history } = nodeRecordSchema.parse(record);
    expect(history[0]?.reasons.join('\n')).toContain(`${SEVEN} is unmarked: serving it`);
    expect((await server().ask('/v1/nodes/web9.example.com/record')).json()).toMatchObject({
      pin: {
        host: 'web9.example.com',
        tag: SIX,
        until: '2026-11-21T00:00:00.000Z',
        reason: 'waits for a part',
        file: 'pins',
        line: 1,
      },
    });
    expect((await server().ask('/v1/nodes/mail.example.com/record')).json()).toMatchObject({
      pin: { host: 'mail.example.com', tag: SIX, until: null, file: 'nodes.yml', line: 2 },
    });
  });

  test('that never asked is not found, and is not made by asking for it', async () => {
    expect((await server().ask('/v1/nodes/nobody.example.com/record')).status).toBe(404);
    expect((await server().ask('/v1/nodes/no_host/record')).status).toBe(400);
    expect(await names(server(), '?q=nobody')).toEqual([]);
  });
});

describe('nodes as time goes on', () => {
  test('are due what the marks, a pin or the killswitch give them now, before they have asked again', async () => {
    const server = await serving({ files: FILES });
    await fleet(server);
    const due = async (host: string) => (await list(server, `?q=${host}.`)).nodes[0]?.['due'];
    await server.ask(`/v1/tags/${SEVEN}/mark`, { method: 'PUT', json: { state: 'bad', reason: 'x' } });
    expect([await due('web1'), await due('web9'), await due('dev1')]).toEqual([SIX, SIX, ELEVEN]);
    await server.ask('/v1/killswitch/production', { method: 'PUT', json: { message: 'stop' } });
    expect([await due('web1'), await due('web9'), await due('dev1')]).toEqual(['killswitch', 'killswitch', ELEVEN]);
    expect((await list(server, '?q=web1.')).nodes).toMatchObject([{ told: SEVEN, running: SEVEN, behind: false }]);
  });

  test('fall silent, and are told as they stood at any instant of the past', async () => {
    const server = await serving({ files: FILES });
    await fleet(server);
    const then = '2026-11-20T11:30Z';
    server.clock.advance(3_600_000);
    await poll(server, 'web8');
    expect(await names(server, '?silent=true&environment=production&pinned=false')).toEqual([
      'web1',
      'web2',
      'web3',
      'web4',
      'web5',
    ]);
    expect(await names(server, '?silent=false')).toEqual(['web8']);
    const next = await poll(server, 'web1');
    await report(server, 'web1', next, { outcome: 'rolled-back' });
    expect((await list(server, '?q=web1.')).nodes).toMatchObject([
      { told: next.tag, outcome: 'rolled-back', behind: true },
    ]);
    const past = { told: SEVEN, due: SEVEN, running: SEVEN, behind: false, outcome: 'applied', silent: false };
    expect((await list(server, `?q=web1.&at=${then}`)).nodes).toMatchObject([past]);
    expect(await names(server, `?at=${then}&q=web8`)).toEqual([]);
    expect(await names(server, `?at=${then}&outcome=failed`)).toEqual(['web3']);
    expect(await names(server, `?at=${then}&pinned=true&limit=1`)).toEqual(['mail']);
    expect(await names(server, `?at=${then}&environment=production&limit=2&after=web1.example.com`)).toEqual([
      'web2',
      'web3',
    ]);
    expect(await names(server, '?at=2026-11-20T11:00Z')).toEqual([]);
  });
});
