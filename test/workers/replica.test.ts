import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { BEFORE, HOSTS, NEWEST, testBase, useBases } from '../cli/base.ts';
import { type Answer, ask } from '../http/serving.ts';
import { until } from '../rig/until.ts';
import { openDoorTo } from './doors.ts';
import { type ServingWorkers, serveWorkers } from './serving-workers.ts';

useBases();

const WEB = `/v1/nodes/${HOSTS.web}`;

/** The head does nothing until what this returns is called, as if something kept its event loop. */
function freeze(server: ServingWorkers): () => void {
  const [pid = 0] = server.parts().head;
  const go = (): void => {
    process.kill(pid, 'SIGCONT');
  };
  process.kill(pid, 'SIGSTOP');
  onTestFinished(() => {
    if (server.child.exitCode === null) go();
  });
  return go;
}

const poll = (url: string, etag?: string): Promise<Answer> =>
  ask(url, WEB, etag === undefined ? {} : { headers: { 'If-None-Match': etag } });

/** Polls while the head does nothing. It is tried again where the machine was so slow that the door had its doubts. */
async function pollFrozen(server: ServingWorkers, url: string, etag: string): Promise<Answer> {
  return until('the door to answer by itself', async () => {
    const go = freeze(server);
    const asked = poll(url, etag);
    const answer = await Promise.race([asked, delay(500)]);
    go();
    await asked;
    return answer ?? undefined;
  });
}

test('a door answers what stands while the head does nothing, and what came of it is known to the head later', async () => {
  const { base, run } = await testBase();
  const server = await serveWorkers(base);
  const { url } = await openDoorTo(base);
  const etag = String((await poll(url)).headers.etag);
  const same = await pollFrozen(server, url, etag);
  expect([same.status, same.headers.etag]).toEqual([304, etag]);
  await run(['mark', NEWEST, 'bad']);
  // Some other host asks until what follows from the mark stands.
  await until('the mark to count', async () => {
    const other = await ask(url, `/v1/nodes/${HOSTS.silent}`);
    return other.headers['tagwave-tag'] === BEFORE || undefined;
  });
  const changed = await pollFrozen(server, url, etag);
  expect([changed.status, changed.json()['tag']]).toEqual([200, BEFORE]);
  await until('the head to know', async () => {
    const { nodes } = (await ask(server.url, '/v1/nodes')).json() as { nodes: { hostname: string; answer: string }[] };
    return nodes.find(({ hostname }) => hostname === HOSTS.web)?.answer === BEFORE || undefined;
  });
});

test('no door answers what stood before a killswitch or a mark, also while the head does nothing', async () => {
  const { base, write, read } = await testBase();
  const server = await serveWorkers(base);
  const doors = await Promise.all([openDoorTo(base), openDoorTo(base)]);
  const etags = await Promise.all(doors.map(async ({ url }) => String((await poll(url)).headers.etag)));
  for (const [index, { url }] of doors.entries()) await pollFrozen(server, url, etags[index] ?? '');
  const tagstate = await read('tagstate');
  for (const [change, status, tag] of [
    [{ tagstate: `${tagstate}${NEWEST} bad broke ntp\n` }, 200, BEFORE],
    [{ killswitch: 'stop\n' }, 423, undefined],
  ] as const) {
    const go = freeze(server);
    await write(change);
    const asked = doors.map(({ url }, index) => poll(url, etags[index]));
    const early = await Promise.race([Promise.race(asked), delay(300)]);
    expect(early).toBeUndefined();
    go();
    for (const answer of await Promise.all(asked))
      expect([answer.status, answer.headers['tagwave-tag']]).toEqual([status, tag]);
  }
});

test('what a host says that it runs is known to the head, whichever door it said it to', async () => {
  const { base } = await testBase();
  const server = await serveWorkers(base);
  const { url } = await openDoorTo(base);
  const first = await poll(url);
  const running = String(first.headers['tagwave-digest']);
  const headers = { 'If-None-Match': String(first.headers.etag), 'Tagwave-Running': running };
  expect((await ask(url, WEB, { headers })).status).toBe(304);
  await until('the head to know', async () => {
    const { nodes } = (await ask(server.url, '/v1/nodes')).json() as { nodes: { hostname: string; running: string }[] };
    return nodes.find(({ hostname }) => hostname === HOSTS.web)?.running === running || undefined;
  });
  for (const wrong of ['sha256:ABC', '../../etc'])
    expect((await ask(url, WEB, { headers: { 'Tagwave-Running': wrong } })).status).toBe(400);
});

test('a host that is told again what it has keeps the answer with which that began', async () => {
  const { base, run } = await testBase();
  const server = await serveWorkers(base);
  const { url } = await openDoorTo(base);
  const first = await poll(url);
  const etag = String(first.headers.etag);
  await pollFrozen(server, url, etag);
  // Everything is decided anew, and nothing is different for this host.
  await run(['mark', BEFORE, 'bad']);
  expect((await pollFrozen(server, url, etag)).status).toBe(304);
  expect((await poll(url)).json()['decidedAt']).toBe(first.json()['decidedAt']);
});

test('what a host runs is known to the head, also where it goes from door to door and back', async () => {
  const { base } = await testBase();
  const server = await serveWorkers(base);
  const doors = [await openDoorTo(base), await openDoorTo(base)];
  const etag = String((await poll(server.url)).headers.etag);
  for (const [index, { url }] of [...doors, ...doors].entries()) {
    const running = `sha256:${String(index % 2).repeat(64)}`;
    const headers = { 'If-None-Match': etag, 'Tagwave-Running': running };
    await until('the head to know', async () => {
      // A door that has not yet heard what another one was told learns it by the host's next poll.
      expect((await ask(url, WEB, { headers })).status).toBe(304);
      const { nodes } = (await ask(server.url, '/v1/nodes')).json() as {
        nodes: { hostname: string; running: string }[];
      };
      return nodes.find(({ hostname }) => hostname === HOSTS.web)?.running === running || undefined;
    });
  }
});

test('a host may have any name, and what it says that it runs is written down', async () => {
  const { base } = await testBase();
  const server = await serveWorkers(base);
  const { url } = await openDoorTo(base);
  const path = '/v1/nodes/constructor';
  const first = await ask(url, path);
  const running = String(first.headers['tagwave-digest']);
  const headers = { 'If-None-Match': String(first.headers.etag), 'Tagwave-Running': running };
  await until('its answers to be counted', async () => {
    expect((await ask(url, path, { headers: { 'If-None-Match': headers['If-None-Match'] } })).status).toBe(304);
    const { nodes } = (await ask(server.url, '/v1/nodes')).json() as { nodes: { hostname: string; polls: number }[] };
    return nodes.some(({ hostname, polls }) => hostname === 'constructor' && polls > 2) || undefined;
  });
  expect((await ask(url, path, { headers })).status).toBe(304);
  await until('the head to know', async () => {
    const { nodes } = (await ask(server.url, '/v1/nodes')).json() as { nodes: { hostname: string; running: string }[] };
    return nodes.find(({ hostname }) => hostname === 'constructor')?.running === running || undefined;
  });
  const { problems } = (await ask(server.url, '/v1/status')).json() as { problems: { id: string }[] };
  expect(problems.map(({ id }) => id)).not.toContain('history:unwritable');
});

test('a failure counts that a host reports as soon as a door has told it the tag', async () => {
  const schedule = `waves:
  - {environment: development, groups: [dev], hours: 0}
  - {environment: production, default: true, hours: 4, halt_after: {failed: 1}}
`;
  const { base, run, read } = await testBase({ 'schedule.yml': schedule });
  await serveWorkers(base);
  const { url } = await openDoorTo(base);
  const etag = String((await poll(url)).headers.etag);
  await run(['mark', NEWEST, 'bad']);
  await until('the mark to count', async () => {
    const other = await ask(url, `/v1/nodes/${HOSTS.silent}`);
    return other.headers['tagwave-tag'] === BEFORE || undefined;
  });
  await delay(200);
  const told = await poll(url, etag);
  expect(told.headers['tagwave-tag']).toBe(BEFORE);
  const body = {
    runId: randomUUID(),
    tag: BEFORE,
    digest: told.headers['tagwave-digest'],
    outcome: 'failed',
    startedAt: new Date().toISOString(),
    durationMs: 1,
    changed: 0,
  };
  const headers = { 'Content-Type': 'application/json' };
  const reported = await ask(url, `${WEB}/reports`, { method: 'POST', headers, body: JSON.stringify(body) });
  expect(reported.status).toBeLessThan(300);
  expect((await read('tagstate')).split('\n').filter((line) => line.startsWith(`${BEFORE} bad`))).toHaveLength(1);
});
