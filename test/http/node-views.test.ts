import { randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { Assignment } from '../../protocol/assignment.ts';
import { TEMPLATE_SECRET } from '../rig/secrets.ts';
import { host } from '../stories/hosts.ts';
import { at, type Train, tagAt, train } from '../stories/train.ts';

const A = 'dev1.example.org';
const B = 'dev2.example.org';
const HOUR_MS = 3_600_000;

const LAYERED = {
  'deploy.yml': 'vars: [vars.yml]\nlayers: [common, "host/{hostname}", "os/{os}"]\nfacts: [os]\n',
  'vars.yml': `password: ${TEMPLATE_SECRET}\n`,
  [`host/${A}/password.liquid`]: '{{ password }}\n',
  'common/motd.liquid': 'hello {{ hostname }}\n',
  [`host/${A}/key`]: 'the secret of a',
  [`host/${B}/key`]: 'the secret of b',
  'os/debian/os': 'debian',
  'os/ubuntu/os': 'ubuntu',
};

/** A server whose newest tag, of 11:00, has layers. */
async function layered(files: Readonly<Record<string, string>> = LAYERED): Promise<Train> {
  const server = await train();
  await server.commit(files);
  await server.passTo(at('11:00'));
  return server;
}

interface Answer {
  readonly status: number;
  readonly etag: string | null;
  readonly bytes: Buffer;
}

async function get(server: Train, path: string, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(server.url + path, { headers });
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    bytes: Buffer.from(await response.arrayBuffer()),
  };
}

async function json(server: Train, path: string): Promise<Record<string, unknown>> {
  return JSON.parse((await get(server, path)).bytes.toString('utf8'));
}

async function assigned(server: Train, host: string): Promise<Assignment> {
  return (await json(server, `/v1/nodes/${host}`)) as unknown as Assignment;
}

function contentOf({ bytes }: Answer): string {
  return gunzipSync(bytes).toString('latin1');
}

async function report(server: Train, host: string, given: { facts?: Record<string, string>; digest?: string }) {
  const response = await fetch(`${server.url}/v1/nodes/${host}/reports`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({
      runId: randomUUID(),
      tag: null,
      digest: given.digest ?? null,
      outcome: 'unchanged',
      startedAt: at('11:00'),
      durationMs: 1,
      changed: 0,
      ...(given.facts === undefined ? {} : { facts: given.facts }),
    }),
  });
  expect(response.status).toBe(201);
}

describe('a view that was made for a node', () => {
  test('comes by the links of its assignment, and in no way to another node', async () => {
    const server = await layered();
    const [a, b] = [await assigned(server, A), await assigned(server, B)];
    expect(a.digest).not.toBe(b.digest);
    expect(a.links).toEqual({
      archive: `/v1/views/${a.digest}/archive?node=${A}`,
      manifest: `/v1/views/${a.digest}/manifest?node=${A}`,
    });
    const mine = await get(server, a.links.archive);
    expect([mine.status, contentOf(mine).includes('the secret of a')]).toEqual([200, true]);
    expect((await get(server, `${a.links.manifest}&format=sha256sum`)).status).toBe(200);

    // B knows the digest, from A's report say, and claims to run it.
    await report(server, B, { digest: a.digest });
    expect((await get(server, `/v1/nodes/${B}`, { 'Tagwave-Running': a.digest })).status).toBe(200);
    for (const what of ['archive', 'manifest'])
      for (const query of ['', `?node=${B}`, '?node=unknown.example.org']) {
        const refused = await get(server, `/v1/views/${a.digest}/${what}${query}`);
        expect([refused.status, JSON.parse(refused.bytes.toString()).code]).toEqual([404, 'unknown-digest']);
        expect(refused.bytes.includes('secret')).toBe(false);
      }
    expect((await get(server, `/v1/views/${a.digest}/manifest?node=${B}&format=sha256sum`)).status).toBe(404);
    expect((await get(server, `/v1/views/${a.digest}/manifest?node=no_host!`)).status).toBe(400);
    const others = await get(server, `/v1/nodes/${B}/archive?from=${a.digest}`);
    expect(others.etag).toBe(`"${b.digest}"`);
    expect(contentOf(others)).toContain('the secret of b');
    expect(contentOf(others)).not.toContain('the secret of a');
    expect(contentOf(await get(server, `/v1/nodes/${B}/archive`))).not.toContain('the secret of a');
  });

  test('stays its own for a day, also after a restart, and no longer', async () => {
    const first = await layered();
    const old = await assigned(first, A);
    await first.commit({ 'common/more': 'more' });
    await first.passTo(at('12:00'));
    const now = await assigned(first, A);
    expect(now.digest).not.toBe(old.digest);
    const server = await first.restart();
    for (const { digest } of [old, now]) {
      expect((await get(server, `/v1/views/${digest}/archive?node=${A}`)).status).toBe(200);
      expect((await get(server, `/v1/views/${digest}/archive?node=${B}`)).status).toBe(404);
    }
    const delta = await get(server, `${now.links.archive}&from=${old.digest}`);
    expect(delta.etag).toBe(`"${now.digest};from=${old.digest}"`);
    server.clock.advance(25 * HOUR_MS);
    server.sweep();
    expect((await get(server, `/v1/views/${old.digest}/manifest?node=${A}`)).status).toBe(404);
    expect((await get(server, `/v1/views/${now.digest}/manifest?node=${A}`)).status).toBe(200);
  });

  test("of a tag without layers is everybody's, as it always was", async () => {
    const server = await train();
    const { digest, links } = await assigned(server, A);
    expect(links.archive).toBe(`/v1/views/${digest}/archive`);
    expect((await get(server, `/v1/views/${digest}/archive`)).status).toBe(200);
    expect((await get(server, `/v1/views/${digest}/archive?node=${B}`)).status).toBe(200);
    expect((await assigned(server, B)).digest).toBe(digest);
  });
});

test('the client puts its own view into use, and the next one from a delta', async () => {
  const server = await layered({ ...LAYERED, 'deploy.yml': `${LAYERED['deploy.yml']}files: {key: {perm: "0400"}}\n` });
  const a = await host(A);
  expect(await a.poll(server.url)).toMatchObject({ code: 0 });
  const current = join(a.target, 'current');
  expect((await readdir(current)).sort()).toEqual(['key', 'motd', 'password']);
  expect(await readFile(join(current, 'key'), 'utf8')).toBe('the secret of a');
  await server.commit({ 'common/motd.liquid': 'welcome {{ hostname }}\n' });
  await server.passTo(at('12:00'));
  expect(await a.poll(server.url)).toMatchObject({ code: 0 });
  expect(await readFile(join(current, 'motd'), 'utf8')).toBe(`welcome ${A}\n`);
});

describe('facts', () => {
  test('that a host reports count with its next poll, and after a restart', async () => {
    const server = await layered();
    const before = await assigned(server, A);
    await report(server, A, { facts: { os: 'debian', kernel: '6' } });
    const debian = await assigned(server, A);
    expect(debian.digest).not.toBe(before.digest);
    expect(contentOf(await get(server, debian.links.archive))).toContain('debian');
    // A report that does not speak of facts takes none back.
    await report(server, A, {});
    expect((await assigned(server, A)).digest).toBe(debian.digest);
    const later = await server.restart();
    expect((await assigned(later, A)).digest).toBe(debian.digest);
    await report(later, A, { facts: { os: 'ubuntu' } });
    expect(contentOf(await get(later, (await assigned(later, A)).links.archive))).toContain('ubuntu');
    await report(later, A, { facts: { os: '../host/dev2.example.org' } });
    expect((await assigned(later, A)).digest).toBe(before.digest);
  });
});

describe('a tag', () => {
  test('that fails for one known node is broken for all, and says file, line, variable and node, but to no other node', async () => {
    const server = await train();
    await assigned(server, A);
    await assigned(server, B);
    await server.commit({ ...LAYERED, [`host/${B}/etc/conf.liquid`]: 'one {{ password }}\ntwo {{ ntp.server }}\n' });
    await server.passTo(at('11:00'));
    const why = `host/${B}/etc/conf.liquid line 2: undefined variable ntp, for ${B}`;
    expect(await json(server, `/v1/tags/${tagAt(11)}`)).toMatchObject({ broken: why });
    expect(JSON.stringify(await json(server, '/v1/status'))).toContain(why);
    expect(JSON.stringify(await json(server, `/v1/nodes/${A}/explain`))).toContain(why);
    for (const host of [A, B]) expect((await assigned(server, host)).tag).toBe(tagAt(10));
    const asked = ['', '/manifest', '/archive'].map((what) => `${A}${what}?tag=${tagAt(11)}`);
    for (const path of ['dev3.example.org', ...asked]) {
      const told = (await get(server, `/v1/nodes/${path}`)).bytes.toString();
      expect(told).toContain(`${tagAt(11)} is broken`);
      expect(told).not.toMatch(/conf|ntp|dev2/);
    }
    await server.commit({ [`host/${B}/etc/conf.liquid`]: 'fine\n' });
    await server.passTo(at('12:00'));
    expect((await assigned(server, B)).tag).toBe(tagAt(12));
  });

  test('that a single host of nodes.yml could not have is broken before that host ever asks', async () => {
    const server = await train({ files: { 'nodes.yml': `new.example.org: [dev]\n` } });
    await server.commit({ ...LAYERED, 'host/new.example.org/x.liquid': '{{ nosuch }}' });
    await server.passTo(at('11:00'));
    expect(await json(server, `/v1/tags/${tagAt(11)}`)).toMatchObject({
      broken: 'host/new.example.org/x.liquid line 1: undefined variable nosuch, for new.example.org',
    });
  });

  test.each([
    ['an invalid deploy.yml', { 'deploy.yml': 'layers: common\n' }, 'deploy.yml line 1: layers: expected a list'],
    [
      'a template that is no template, whoever has it',
      { ...LAYERED, 'host/nobody.example.org/x.liquid': '{% if %}' },
      'host/nobody.example.org/x.liquid line 1: ',
    ],
    [
      'vars that are no YAML',
      { ...LAYERED, 'deploy.yml': 'vars: ["v/{hostname}.yml"]\n', 'v/x.yml': '[' },
      'v/x.yml line ',
    ],
  ])('with %s is broken', async (_what, files, why) => {
    const server = await layered(files as Record<string, string>);
    expect(await json(server, `/v1/tags/${tagAt(11)}`)).toMatchObject({ broken: expect.stringContaining(why) });
    expect((await assigned(server, A)).tag).toBe(tagAt(10));
  });

  test('that a node cannot have which came later holds that node, with the reason', async () => {
    const server = await layered({ ...LAYERED, [`host/${B}/f.liquid`]: '{{ facts.os }}' });
    const why = `host/${B}/f.liquid line 1: undefined variable facts.os`;
    const held = await get(server, `/v1/nodes/${B}`);
    expect([held.status, JSON.parse(held.bytes.toString())]).toEqual([
      409,
      expect.objectContaining({
        hold: 'broken-tag',
        message: expect.stringContaining(`cannot be made for ${B}: ${why}`),
      }),
    ]);
    expect(JSON.stringify(await json(server, `/v1/nodes/${B}/explain`))).toContain(why);
    expect((await assigned(server, A)).tag).toBe(tagAt(11));
    await report(server, B, { facts: { os: 'debian' } });
    expect((await assigned(server, B)).tag).toBe(tagAt(11));
  });
});
