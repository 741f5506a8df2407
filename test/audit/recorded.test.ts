import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseTagName } from '../../protocol/names.ts';
import type { EventKind, StoredEvent } from '../../server/core/event.ts';
import { noteAccess, noteRefusal } from '../../server/operations/audit.ts';
import { mark } from '../../server/operations/mark.ts';
import { pruneTags } from '../../server/operations/prune.ts';
import { pruneHistory } from '../../server/operations/prune-history.ts';
import { sourceRepository } from '../rig/git.ts';
import { type TestServer, testServer } from '../rig/server.ts';
import { until } from '../rig/until.ts';

const OWNER = /^file owner \S+$/;
const NINE = 'etchautotag-20261120-0900';

async function server(files: Record<string, string> = {}): Promise<TestServer> {
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'hello\n' }, { at: '2026-11-20T05:00Z' });
  return testServer({
    now: '2026-11-20T09:10:00Z',
    files: { 'server.yml': `repo: {url: ${source.directory}, branch: main}\n`, tagstate: '# none\n', ...files },
  });
}

async function recorded({ app }: TestServer, ...kinds: EventKind[]): Promise<StoredEvent[]> {
  await app.context.journal.flush();
  return app.context.store.events({ kinds, order: 'oldest', limit: 1000 });
}

async function isWhole({ app }: TestServer): Promise<void> {
  await app.context.journal.flush();
  expect((await app.context.store.lookAtChain(undefined)).flaws).toEqual([]);
}

describe('an edit made directly in a file', () => {
  test.each([
    ['tagstate', 'mark', `# none\n${NINE} bad broke ntp\n`, `${NINE} bad broke ntp`],
    ['pins', 'pin', `web1.example.com ${NINE} comparing\n`, `web1.example.com ${NINE} comparing\n`],
    ['nodes.yml', 'control-file', 'web1.example.com: [web]\n', 'web1.example.com: [web]\n'],
  ] as const)(
    'of %s is recorded as %s, with the owner of the file and the difference',
    async (file, kind, text, after) => {
      const one = await server();
      const before = (await recorded(one, kind)).length;
      await writeFile(join(one.base, file), text);
      one.settle();
      const found = await until('the event', async () => (await recorded(one, kind))[before]);
      expect(found).toMatchObject({ by: expect.stringMatching(OWNER), from: 'file', subject: file, after, why: null });
      await isWhole(one);
    },
  );

  test('of the killswitch is recorded at once, as a stop and as going on', async () => {
    const one = await server();
    await writeFile(join(one.base, 'killswitch'), 'stop');
    one.sweep();
    await rm(join(one.base, 'killswitch'));
    one.sweep();
    const found = await until('both', async () => {
      const events = await recorded(one, 'kill', 'resume');
      return events.length >= 2 ? events : undefined;
    });
    expect(found.map(({ kind, from }) => [kind, from]).slice(-2)).toEqual([
      ['kill', 'file'],
      ['resume', 'file'],
    ]);
    await isWhole(one);
  });

  test('is told apart from a mark that is made before it is settled', async () => {
    const one = await server();
    await writeFile(join(one.base, 'tagstate'), `# none\n# by hand\n`);
    const actor = { by: 'ana', from: '10.0.0.7' };
    const tag = parseTagName(NINE);
    if (tag === undefined) throw new Error('no tag');
    const before = (await recorded(one, 'mark')).length;
    await mark(one.app.context, { tag, state: 'bad', reason: 'broke ntp', force: true, actor });
    one.settle();
    const found = (await recorded(one, 'mark')).slice(before);
    expect(found.map(({ by, from, after, why }) => ({ by, from, after, why }))).toEqual([
      { by: expect.stringMatching(OWNER), from: 'file', after: '# by hand', why: null },
      { ...actor, after: `${NINE} bad broke ntp`, why: 'broke ntp' },
    ]);
    await isWhole(one);
  });

  test('of server.yml is recorded with the settings that changed, and no password of a URL is kept', async () => {
    const one = await server();
    const { base, app } = one;
    const settings = (password: string, most: number) =>
      `repo: {url: "https://tagwave:${password}@git.example.com/config.git"}\nfleet: {most_nodes: ${most}}\n`;
    for (const text of [settings('hunter2-secret', 5000), settings('swordfish-secret', 5000)]) {
      await writeFile(join(base, 'server.yml'), text);
      one.settle();
      await recorded(one, 'setting');
    }
    const summaries = (await recorded(one, 'setting')).map(({ summary }) => summary);
    expect(summaries.slice(-2)).toEqual([
      'server.yml: fleet.most_nodes, repo.branch, repo.url changed',
      'server.yml: a password or token in a URL changed, which is not kept',
    ]);
    const all = JSON.stringify(await app.context.store.events({ limit: 1000 }));
    const kept = await app.context.store.controlAt('server.yml', app.context.time.now());
    expect(`${all}${kept}`).not.toContain('-secret');
    expect(kept).toContain('https://***@git.example.com/config.git');
    await isWhole(one);
  });
});

describe('the change of a file that was found changed first', () => {
  const file = 'tagstate';
  const found = { file, by: 'file owner root', from: 'file', why: null };
  const ana = { by: 'ana', from: 'command line', why: 'broke ntp' };

  test('is one event more when its author says so, and the first stays as it was', async () => {
    const { app } = await server();
    const { store, time } = app.context;
    const at = time.now();
    await store.recordControl({ ...found, at, text: 'a good\n' });
    await store.recordControl({ ...found, at: at + 1, text: 'a bad\n' });
    expect(await store.recordControl({ ...ana, file, at: at + 9, text: 'a bad\n' })).toBe(false);
    expect(await store.recordControl({ ...ana, file, at: at + 9, text: 'a bad\n' })).toBe(false);
    const events = await store.events({ kinds: ['mark'], subject: file, order: 'oldest', limit: 99 });
    const [first, claim, ...more] = events.slice(-2);
    expect([first, more]).toEqual([expect.objectContaining({ by: 'file owner root', after: 'a bad' }), []]);
    expect(claim).toMatchObject({ ...ana, after: 'a bad' });
    expect(claim?.summary).toContain(`what event ${first?.id} says of file owner root was their doing`);
    expect((await store.lookAtChain(undefined)).flaws).toEqual([]);
  });

  test('leaves the file as the later of two edits left it, though that was recorded first', async () => {
    const { app } = await server();
    const { store, time } = app.context;
    const at = time.now();
    const root = 'file owner root';
    await store.recordControl({ ...found, at, text: '1\n' });
    await store.recordControl({
      ...ana,
      by: 'bob',
      file,
      at: at + 20,
      before: { text: '1\n2\n', by: root },
      text: '1\n2\n3\n',
    });
    await store.recordControl({ ...ana, file, at: at + 10, before: { text: '1\n', by: root }, text: '1\n2\n' });
    expect(await store.controlAt(file, at + 30)).toBe('1\n2\n3\n');
    const events = await store.events({ afterId: 0, kinds: ['mark'], subject: file, order: 'oldest', limit: 99 });
    expect(events.slice(-3).map(({ by, after }) => [by, after])).toEqual([
      [root, '2'],
      ['bob', '3'],
      ['ana', '2'],
    ]);
  });
});

test('tags that are made and removed, and events that are dropped, are recorded as the doing of the server', async () => {
  const one = await server({ 'schedule.yml': 'waves: [{environment: production, default: true, hours: 0}]\n' });
  await one.passTo('2026-11-20T10:00:01Z');
  await one.passTo('2028-11-20T10:00:01Z');
  await pruneTags(one.app.context);
  await pruneHistory(one.app.context);
  const found = await recorded(one, 'tag-created', 'prune');
  expect(found).toEqual(
    expect.arrayContaining([expect.objectContaining({ kind: 'tag-created', by: 'server', from: null })]),
  );
  expect(found).toEqual(expect.arrayContaining([expect.objectContaining({ kind: 'prune', by: 'server', from: null })]));
  await isWhole(one);
});

test('what concerns who may ask is recorded with who did it, from where and why, in the chain', async () => {
  const one = await server();
  const actor = { by: 'ana', from: '10.0.0.7' };
  for (const kind of ['token', 'enrolment', 'approval', 'login'] as const)
    noteAccess(one.app.context, {
      kind,
      actor,
      subject: 'web1.example.com',
      why: 'asked for',
      summary: `${kind} it is`,
    });
  noteRefusal(one.app.context, { code: 'forbidden', route: 'PUT /v1/tags/:tag/mark', actor });
  const found = await recorded(one, 'token', 'enrolment', 'approval', 'login', 'refusal');
  expect(found.map(({ kind, by, from, why, hash }) => [kind, by, from, why, hash?.length])).toEqual([
    ['token', 'ana', '10.0.0.7', 'asked for', 64],
    ['enrolment', 'ana', '10.0.0.7', 'asked for', 64],
    ['approval', 'ana', '10.0.0.7', 'asked for', 64],
    ['login', 'ana', '10.0.0.7', 'asked for', 64],
    ['refusal', 'ana', '10.0.0.7', null, 64],
  ]);
  await isWhole(one);
});
