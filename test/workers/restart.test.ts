import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { Agent, request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import { HOSTS, NEWEST, testBase, useBases } from '../cli/base.ts';
import { startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { gone, partsOf, type ServingWorkers, serveWorkers } from './serving-workers.ts';

useBases();

const REPORT = {
  tag: NEWEST,
  digest: `sha256:${'0'.repeat(64)}`,
  outcome: 'applied',
  startedAt: '2026-11-20T11:00:00Z',
  durationMs: 1,
  changed: 0,
};

interface Asking {
  readonly agent: Agent;
  readonly path: string;
  readonly etag?: string;
  readonly report?: string;
}

/** The status; rejects where no answer comes. Never asks twice. */
function ask(url: string, { agent, path, etag, report }: Asking): Promise<{ status: number; etag: string }> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(etag === undefined ? {} : { 'If-None-Match': etag }),
      ...(report === undefined ? {} : { 'Content-Type': 'application/json' }),
    };
    const method = report === undefined ? 'GET' : 'POST';
    const request = httpRequest(url + path, { agent, method, headers }, (response) => {
      response.on('error', reject);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, etag: String(response.headers.etag) }));
      response.resume();
    });
    request.on('error', reject);
    request.end(report);
  });
}

/** Hosts that ask one question after the other until they are told to stop. */
function keepAsking(url: string) {
  const answers = new Map<string, number>();
  const reported: string[] = [];
  const failures: string[] = [];
  let isOver = false;
  const count = (what: string): unknown => answers.set(what, (answers.get(what) ?? 0) + 1);
  const client = async (name: string, keepAlive: boolean, next: (agent: Agent) => Promise<string>): Promise<void> => {
    const agent = new Agent({ keepAlive, maxSockets: 1 });
    while (!isOver)
      await next(agent)
        .then((what) => count(`${name} ${what}`))
        .catch((error) => failures.push(`${name}: ${error.message}`));
    agent.destroy();
  };
  const poll = (keepAlive: boolean) =>
    client(`poll keepAlive=${keepAlive}`, keepAlive, async (agent) =>
      String((await ask(url, { agent, path: `/v1/nodes/${HOSTS.web}` })).status),
    );
  const download = () =>
    client('download', true, async (agent) =>
      String((await ask(url, { agent, path: `/v1/nodes/${HOSTS.web}/archive` })).status),
    );
  const wait = () =>
    client('wait', true, async (agent) => {
      const { etag } = await ask(url, { agent, path: `/v1/nodes/${HOSTS.web}` });
      const { status } = await ask(url, { agent, path: `/v1/nodes/${HOSTS.web}?wait=50`, etag });
      return String(status);
    });
  const report = () =>
    client('report', true, async (agent) => {
      const runId = `20261120-${(reported.length + 1).toString(16).padStart(8, '0')}`;
      reported.push(runId);
      const answer = await ask(url, {
        agent,
        path: `/v1/nodes/${HOSTS.dev}/reports`,
        report: JSON.stringify({ ...REPORT, runId }),
      });
      return String(answer.status);
    });
  const clients = [poll(true), poll(true), poll(false), download(), wait(), wait(), report()];
  return {
    answers,
    failures,
    reported,
    async stop() {
      isOver = true;
      await Promise.all(clients);
    },
  };
}

const hasRestarted = (server: ServingWorkers): boolean =>
  server.logged().some(({ message }) => message === 'restarted');

test('a restart replaces every process while hosts ask, and not one of them notices', async () => {
  const { base } = await testBase({
    'server.yml': 'repo: {url: ../config, branch: main}\nhttp: {max_wait_seconds: 2}\n',
  });
  const server = await serveWorkers(base, { TAGWAVE_STOP_GRACE_SECONDS: '2' });
  const before = server.parts();
  const asking = keepAsking(server.url);
  onTestFinished(() => asking.stop());
  await until('everybody to have asked', () => asking.answers.size === 5 || undefined);
  server.child.kill('SIGHUP');
  await until('the restart', () => hasRestarted(server) || undefined);
  await gone([...before.head, ...before.door]);
  const many = asking.answers.get('poll keepAlive=true 200') ?? 0;
  await until('polls to go on', () => (asking.answers.get('poll keepAlive=true 200') ?? 0) > many + 10 || undefined);
  await asking.stop();
  const warned = server.logged().filter(({ level }) => level === 'error' || level === 'warn');
  // Whoever runs the tests may be root.
  expect(warned.filter(({ message }) => !String(message).startsWith('the server runs as root'))).toEqual([]);
  expect(asking.failures).toEqual([]);
  expect([...asking.answers.keys()].sort()).toEqual([
    'download 200',
    'poll keepAlive=false 200',
    'poll keepAlive=true 200',
    'report 201',
    'wait 304',
  ]);
  const { head, door } = server.parts();
  expect([head.length, door.length]).toEqual([1, 2]);
  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0 });
  const store = await openStore(join(base, 'var', 'history.sqlite'));
  const stored = await store.reports(HOSTS.dev as never, asking.reported.length + 1);
  await store.close();
  expect(stored).toHaveLength(asking.reported.length);
});

test('a restart while the source is being fetched makes nobody wait for the end of that', async () => {
  const { base, root } = await testBase();
  const [begun, mayEnd] = [join(root, 'begun'), join(root, 'may-end')];
  const update = join(root, 'update');
  await writeFile(update, `#!/bin/sh\ntouch ${begun}\nwhile ! test -e ${mayEnd}; do sleep 0.05; done\n`, {
    mode: 0o755,
  });
  await writeFile(join(base, 'server.yml'), `repo: {directory: ../config, update: [${update}], poll_seconds: 1}\n`);
  const server = await serveWorkers(base);
  const { head } = server.parts();
  await until('a fetch to begin', () => existsSync(begun) || undefined);
  server.child.kill('SIGHUP');
  await until('the restart to begin', () => server.parts().head.length === 2 || undefined);
  const agent = new Agent({ keepAlive: false });
  for (let times = 0; times < 50; times++)
    expect((await ask(server.url, { agent, path: `/v1/nodes/${HOSTS.web}` })).status).toBe(200);
  expect(server.parts().head).toContain(head[0]);
  await writeFile(mayEnd, '');
  await until('the restart', () => hasRestarted(server) || undefined);
  expect((await ask(server.url, { agent, path: `/v1/nodes/${HOSTS.web}` })).status).toBe(200);
});

test('a restart that is asked for while the server starts follows the start', async () => {
  const { base } = await testBase();
  const server = await startCommand(['serve', '--base', base, '--listen', '127.0.0.1:0'], {
    env: { TAGWAVE_WORKERS: '2' },
  });
  await until('the head to be started', () => partsOf(server.child.pid ?? 0).head.length === 1 || undefined);
  server.child.kill('SIGHUP');
  await until('the restart', () => server.said.stderr.includes('"restarted"') || undefined);
  expect(partsOf(server.child.pid ?? 0).head).toHaveLength(1);
  const agent = new Agent({ keepAlive: false });
  const url = server.said.stdout.trim();
  expect((await ask(url, { agent, path: `/v1/nodes/${HOSTS.web}` })).status).toBe(200);
  server.child.kill('SIGTERM');
  expect(await server.ended).toMatchObject({ code: 0, stdout: `${url}\n` });
});
