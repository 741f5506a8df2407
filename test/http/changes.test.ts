import { describe, expect, test } from 'vitest';
import { comparisonSchema, previewSchema } from '../../protocol/api/changes.ts';
import { nodeFilesSchema } from '../../protocol/api/nodes.ts';
import { refreshShelf } from '../../server/operations/refresh-shelf.ts';
import { makeTokens } from '../attackers/people.ts';
import { type Answer, type Serving, serving, sharedServing } from './serving.ts';

const tag = (hour: number) => `etchautotag-20261120-${String(hour).padStart(2, '0')}00`;
const WEB = 'web1.example.com';

async function code(server: Serving, path: string): Promise<unknown> {
  const answer = await server.ask(path);
  return [answer.status, answer.json()['code']];
}

function ask(server: Serving, marks: readonly (readonly [number, string])[]): Promise<Answer> {
  const json = { marks: marks.map(([hour, state]) => ({ tag: tag(hour), state })) };
  return server.ask('/v1/preview', { method: 'POST', json });
}

describe('a preview', () => {
  const server = sharedServing();

  test('tells which files move with the nodes, and that going back leaves behind what was only added', async () => {
    await server().ask(`/v1/nodes/${WEB}`);
    const said = previewSchema.parse((await ask(server(), [[7, 'bad']])).json());
    expect(said.moves).toEqual([{ wave: 'production+4h', from: tag(7), to: tag(6), direction: 'back', nodes: [WEB] }]);
    expect(said.changes).toHaveLength(1);
    expect(said.changes[0]).toMatchObject({ from: { name: tag(7) }, to: { name: tag(6) }, more: 0 });
    expect(said.changes[0]?.files.map(({ status, path }) => `${status} ${path}`)).toEqual([
      'deleted etc/hour-7',
      'modified etc/motd',
    ]);
    expect(said.advice?.state).toBe('bad');
    expect(said.advice?.sentences.join(' ')).toContain('The 1 file added besides stays in place');
    expect([said.later, said.unknown]).toEqual([[], []]);
  });

  test('tells when it would count: what stops at once, anything else once the file is settled', async () => {
    const at = async (...marks: (readonly [number, string])[]) =>
      previewSchema.parse((await ask(server(), marks)).json()).takesEffect;
    expect(await at([7, 'bad'])).toMatchObject({ isAtOnce: true });
    expect(await at([7, 'good'])).toMatchObject({ isAtOnce: false, settleSeconds: 0 });
    expect(await at([7, 'bad'], [8, 'good'])).toMatchObject({ isAtOnce: false });
  });

  test('tells of a wave that would go backwards hours later, and of a fix that is not there yet', async () => {
    const later = previewSchema.parse(
      (
        await ask(server(), [
          [8, 'badfwd'],
          [9, 'bad'],
        ])
      ).json(),
    );
    expect(later.later).toEqual([
      expect.objectContaining({
        wave: 'production+4h',
        at: '2026-11-20T13:00:00.000Z',
        from: tag(10),
        to: tag(7),
        kind: 'back',
        nodes: 1,
      }),
    ]);
    const forward = previewSchema.parse((await ask(server(), [[11, 'badfwd']])).json());
    expect(forward.waves.find(({ wave }) => wave === 'development+0h')?.to).toBe('hold no-newer-tag');
    expect(forward.advice?.sentences.at(-1)).toContain('Keep the killswitch until the fix is in a tag.');
  });

  test('tells of a tag that does not exist, and refuses a pin that could not be made', async () => {
    expect((await ask(server(), [[3, 'bad']])).json()['unknown']).toEqual([`there is no tag ${tag(3)}`]);
    const pins = [{ host: WEB, pin: { tag: tag(3) } }];
    const refused = await server().ask('/v1/preview', { method: 'POST', json: { pins } });
    expect([refused.status, refused.json()['title']]).toEqual([400, `there is no tag ${tag(3)}`]);
  });
});

describe('a comparison of two tags', () => {
  const server = sharedServing();

  test('names the files that differ, with the patch of the one that is asked for', async () => {
    const url = `/v1/diff?from=${tag(7)}&to=${tag(9)}`;
    const { files, size, patch, more } = comparisonSchema.parse((await server().ask(url)).json());
    expect(files.map(({ status, path }) => `${status} ${path}`)).toEqual([
      'added etc/hour-8',
      'added etc/hour-9',
      'modified etc/motd',
    ]);
    expect([size, patch, more]).toEqual([{ files: 3, insertions: 3, deletions: 1 }, null, 0]);
    const one = comparisonSchema.parse((await server().ask(`${url}&path=etc/motd`)).json());
    expect(one.patch).toContain('\n-hello at 7\n+hello at 9\n');
    const same = comparisonSchema.parse((await server().ask(`/v1/diff?from=trunk&to=${tag(11)}`)).json());
    expect([same.files, same.size.files]).toEqual([[], 0]);
  });

  test('of a name that is no tag, or of no such tag, is refused', async () => {
    expect(await code(server(), `/v1/diff?from=${tag(7)}`)).toEqual([400, 'bad-request']);
    expect(await code(server(), `/v1/diff?from=${tag(7)}&to=HEAD`)).toEqual([400, 'bad-request']);
    expect(await code(server(), `/v1/diff?from=${tag(7)}&to=--output=x`)).toEqual([400, 'bad-request']);
    expect(await code(server(), `/v1/diff?from=${tag(7)}&to=${tag(3)}`)).toEqual([404, 'unknown-tag']);
    expect(await code(server(), `/v1/diff?from=${tag(7)}&to=${tag(8)}&path=`)).toEqual([400, 'bad-request']);
    const outside = await server().ask(`/v1/diff?from=${tag(7)}&to=${tag(8)}&path=../../etc/passwd`);
    expect([outside.status, outside.json()['patch']]).toEqual([200, null]);
  });
});

describe("a node's files", () => {
  const server = sharedServing();
  const url = (rest: string) => `/v1/nodes/${WEB}/${rest}`;

  test('are those that the node would get, with the digest that it would be told', async () => {
    const given = (await server().ask(`/v1/nodes/${WEB}`)).json();
    const { tag: due, digest, files } = nodeFilesSchema.parse((await server().ask(url('files'))).json());
    expect([due, digest]).toEqual([given['tag'], given['digest']]);
    expect(files.map(({ path }) => path)).toEqual(['etc/hour-6', 'etc/hour-7', 'etc/motd']);
    const other = nodeFilesSchema.parse((await server().ask(url(`files?tag=${tag(6)}`))).json());
    expect(other.files).toHaveLength(2);
  });

  test('of two tags are compared as the node would have them', async () => {
    const asked = url(`diff?from=${tag(6)}&to=${tag(8)}`);
    const { files, size } = comparisonSchema.parse((await server().ask(asked)).json());
    expect(files.map(({ status, path }) => `${status} ${path}`)).toEqual([
      'added etc/hour-7',
      'added etc/hour-8',
      'modified etc/motd',
    ]);
    expect(size).toEqual({ files: 3, insertions: 3, deletions: 1 });
    const one = comparisonSchema.parse((await server().ask(`${asked}&path=etc/motd`)).json());
    expect(one.patch).toBe('--- a/etc/motd\n+++ b/etc/motd\n@@ -1,1 +1,1 @@\n-hello at 6\n+hello at 8\n');
  });

  test('of a name that is no host or tag, or of no such tag, are refused', async () => {
    expect(await code(server(), '/v1/nodes/no%20host/files')).toEqual([400, 'bad-hostname']);
    expect(await code(server(), url('files?tag=HEAD'))).toEqual([400, 'bad-request']);
    expect(await code(server(), url(`files?tag=${tag(3)}`))).toEqual([404, 'unknown-tag']);
    expect(await code(server(), url(`diff?from=${tag(3)}&to=${tag(6)}`))).toEqual([404, 'unknown-tag']);
  });
});

test('a node that is given nothing has files of a tag that is named, and says why it has none of its own', async () => {
  const server = await serving({ files: { killswitch: 'wait\n' } });
  expect(await code(server, `/v1/nodes/${WEB}/files`)).toEqual([423, 'killswitch']);
  expect((await server.ask(`/v1/nodes/${WEB}/files?tag=${tag(7)}`)).status).toBe(200);
  const held = await serving({ files: { pins: `${WEB} ${tag(3)}\n` } });
  expect((await held.ask(`/v1/nodes/${WEB}/files`)).json()).toMatchObject({ code: 'hold', hold: 'unknown-tag' });
});

test('a tag that has no view for a node is told as broken, with what is wrong', async () => {
  const server = await serving();
  await server.source.commit({
    'deploy.yml': 'layers: ["host/{hostname}"]\n',
    [`host/${WEB}/x.liquid`]: '{{ nothing }}\n',
  });
  await server.app.context.repository.fetch(server.clock.now());
  await refreshShelf(server.app.context);
  const answer = await server.ask(`/v1/nodes/${WEB}/files?tag=trunk`);
  expect([answer.status, answer.json()['code']]).toEqual([409, 'broken-tag']);
  expect(answer.json()['title']).toContain(`trunk has no view for ${WEB}: `);
});

test('what is in files is shown to operators; viewers are told which files differ', async () => {
  const server = await serving();
  const { viewer, operator } = await makeTokens(server.app.context.credentials, server.clock.now());
  const as = async (token: string, path: string) => {
    const { status, json } = await server.ask(path, { headers: { Authorization: `Bearer ${token}` } });
    return [status, json()['code'] ?? (json()['patch'] === null ? 'no patch' : 'patch')];
  };
  for (const route of ['/v1/diff', `/v1/nodes/${WEB}/diff`]) {
    const url = `${route}?from=${tag(7)}&to=${tag(8)}`;
    expect(await as(viewer, url), route).toEqual([200, 'no patch']);
    expect(await as(viewer, `${url}&path=etc/motd`), route).toEqual([403, 'forbidden']);
    expect(await as(operator, `${url}&path=etc/motd`), route).toEqual([200, 'patch']);
  }
});
