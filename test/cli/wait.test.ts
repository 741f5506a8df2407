import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { runCommand, type Serving, serve, startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { BEFORE, HOSTS, NEWEST, objectIn, type TestBase, testBase, useBases } from './base.ts';

useBases();

const WEB = { hostname: HOSTS.web, wave: 'production+4h' };
const PRODUCTION = ['wait', '--tag', NEWEST, '--environment', 'production'];

/** A base without the nodes that are known beforehand, and its server. */
async function served(files: Parameters<typeof testBase>[0] = {}): Promise<TestBase & { readonly server: Serving }> {
  const base = await testBase({ pins: '# none\n', ...files });
  return { ...base, server: await serve(base.base) };
}

/** Asks as a host; answers what it is told. */
async function poll({ url }: Serving, host: string, running?: string): Promise<{ tag: string; digest: string }> {
  const headers = running === undefined ? {} : { 'Tagwave-Running': running };
  const answer = await fetch(`${url}/v1/nodes/${host}`, { headers });
  return (await answer.json()) as { tag: string; digest: string };
}

async function report(
  { url }: Serving,
  host: string,
  said: { tag: string; digest: string },
  outcome: string,
): Promise<void> {
  const { tag, digest } = said;
  const body = {
    runId: randomUUID(),
    tag,
    digest,
    outcome,
    startedAt: new Date().toISOString(),
    durationMs: 1,
    changed: 1,
  };
  const headers = { 'Content-Type': 'application/json' };
  const { status } = await fetch(`${url}/v1/nodes/${host}/reports`, {
    method: 'POST',
    headers,
    body: JSON.stringify(body),
  });
  expect(status).toBe(201);
}

test('wait ends with 0 when the last host has reported that it applied the tag, and names nobody', async () => {
  const { server, base } = await served();
  const hosts = [HOSTS.web, HOSTS.pinned];
  const [first, second] = [await poll(server, HOSTS.web), await poll(server, HOSTS.pinned)];
  await report(server, HOSTS.web, first, 'applied');
  const waiting = await startCommand([...PRODUCTION, '--json', '--timeout', '600', '--base', base]);
  await report(server, HOSTS.pinned, second, 'applied');
  const { code, stdout, stderr } = await waiting.ended;
  expect([code, stderr]).toEqual([0, '']);
  expect(objectIn(stdout)).toMatchObject({
    ok: true,
    tag: NEWEST,
    environment: 'production',
    there: hosts.length,
    missing: [],
  });
  const again = await runCommand([...PRODUCTION, '--base', base]);
  expect([again.code, again.stderr]).toEqual([0, '']);
  expect(again.stdout).toContain(`${NEWEST} has arrived in production: 2 of 2 nodes.`);
  // A newer tag holds what an older one brought.
  expect((await runCommand(['wait', '--tag', BEFORE, '--environment', 'production', '--base', base])).code).toBe(0);
});

test('wait ends with 1 when the time is up, and tells who is missing and what each runs; a share of them may be enough', async () => {
  const { server, run, json } = await served();
  const told = await poll(server, HOSTS.web);
  await poll(server, HOSTS.web, told.digest);
  await poll(server, HOSTS.dev, told.digest);
  await poll(server, HOSTS.pinned, `sha256:${'f'.repeat(64)}`);
  await until('all of that is written', async () => {
    const { value } = await json([...PRODUCTION, '--timeout', '0']);
    return value['there'] === 1 && (value['missing'] as unknown[]).length === 1;
  });
  const { code, stdout, stderr } = await run([...PRODUCTION, '--timeout', '0']);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`after 0 seconds ${NEWEST} is on 1 of 2 nodes of production`);
  expect(stderr).toContain(`missing: ${HOSTS.pinned} (runs content of no known tag, was told ${NEWEST})`);
  expect((await json([...PRODUCTION, '--timeout', '0'])).value).toMatchObject({
    ok: false,
    there: 1,
    missing: [{ ...WEB, hostname: HOSTS.pinned, running: 'unknown', told: NEWEST }],
  });
  expect((await run([...PRODUCTION, '--timeout', '0', '--percent', '50'])).code).toBe(0);
  expect((await run(['wait', '--tag', NEWEST, '--environment', 'development', '--timeout', '0'])).code).toBe(0);
});

test('wait waits for no silent host, nor for one that a pin keeps elsewhere, and says so', async () => {
  const { server, run } = await served({ pins: `${HOSTS.pinned} ${BEFORE} comparing\n` });
  const told = await poll(server, HOSTS.web);
  await report(server, HOSTS.web, told, 'applied');
  const old = await poll(server, HOSTS.pinned);
  expect(old.tag).toBe(BEFORE);
  await report(server, HOSTS.pinned, old, 'applied');
  const { code, stdout } = await until('all of that is written', async () => {
    const ended = await run([...PRODUCTION, '--timeout', '0']);
    return ended.stdout.includes('pinned elsewhere') ? ended : undefined;
  });
  expect(code).toBe(0);
  expect(stdout).toContain(`not waited for, as silent for long: ${HOSTS.silent}`);
  expect(stdout).toContain(`not waited for, as pinned elsewhere: ${HOSTS.pinned}`);
});

test('wait ends with 1 at once where the tag will never come, also when it is marked bad meanwhile', async () => {
  const { run, json, base } = await testBase();
  const never = await json(['wait', '--tag', 'etchautotag-20200101-0000', '--environment', 'production']);
  expect(never).toMatchObject({ code: 1, value: { ok: false, errors: [expect.stringContaining('there is no tag')] } });
  const waiting = await startCommand([...PRODUCTION, '--base', base]);
  expect((await run(['mark', NEWEST, 'bad', '--reason', 'broke ntp'])).code).toBe(0);
  const { code, stdout, stderr } = await waiting.ended;
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`${NEWEST} will not arrive: ${NEWEST} is bad: "broke ntp" (tagstate line 2)`);
  const unknown = await json(['wait', '--tag', NEWEST, '--environment', 'prod']);
  expect(unknown).toMatchObject({ code: 1, value: { hint: 'there are development, production' } });
});

test('where nobody has ever asked, nothing has arrived', async () => {
  const { run } = await testBase({
    'schedule.yml':
      'waves: [{environment: qa, groups: [qa], hours: 1}, {environment: production, default: true, hours: 4}]\n',
  });
  const { code, stderr } = await run(['wait', '--tag', NEWEST, '--environment', 'qa', '--timeout', '0']);
  expect(code).toBe(1);
  expect(stderr).toContain(`no node of qa has been heard of that ${NEWEST} could be on`);
});
