import { randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { fetching } from './fetching.ts';
import { currentTree, pollArgs, runClient, startClient } from './run-client.ts';
import {
  archiveReply,
  KILLSWITCH,
  membersOf,
  PROBLEM,
  type Reply,
  serveView,
  type TestView,
  tarOf,
  type ViewServer,
  viewOf,
} from './serve-view.ts';

const FILES = { a: 'content of a', 'etc/motd': 'hello', 'etc/link': { link: 'motd' } };
const TREE = { a: 'content of a', 'etc/motd': 'hello', 'etc/link': '-> motd' };

/** Cuts the first answer off, and does not answer any more. */
function cuttingOnce(server: ViewServer, view: TestView, cutAfter: number): void {
  const before = server.count('archive');
  server.instead.archive = (request) =>
    server.count('archive') === before + 1
      ? { ...archiveReply(server, view, request), cutAfter }
      : PROBLEM(503, 'stopping', 'stopping');
}

function cutting(server: ViewServer, view: TestView, cutAfter: number, more: { stall?: boolean } = {}): void {
  server.instead.archive = (request) => ({ ...archiveReply(server, view, request), cutAfter, ...more });
}

function rangesOf(server: ViewServer): (string | undefined)[] {
  return server.requests.filter(({ kind }) => kind === 'archive').map(({ headers }) => headers.range);
}

function keptIn(target: string): string[] {
  const directory = join(target, 'downloads');
  return existsSync(directory) ? readdirSync(directory).sort() : [];
}

function nameOf({ digest }: TestView): string {
  return digest.slice('sha256:'.length).slice(0, 16);
}

test('an archive that is cut off at any byte goes on there from the next server', async () => {
  const view = await viewOf(FILES);
  const [a, b] = [await serveView(view), await serveView(view)];
  const target = await disposableDirectory();
  for (let cut = 0; cut < view.archive.length; cut++) {
    cutting(a, view, cut);
    const { fetch, told } = fetching({ target, servers: [a, b], view });
    expect([cut, await fetch(), told]).toEqual([cut, { fetched: { kind: 'fetched', value: null }, tree: TREE }, []]);
    const last = b.requests.at(-1)?.headers;
    expect([last?.range, last?.['if-range']]).toEqual(
      cut === 0 ? [undefined, undefined] : [`bytes=${cut}-`, `"${view.digest}"`],
    );
    expect(keptIn(target)).toEqual([]);
  }
});

test('a server that cuts every answer off is asked again as long as more comes, and no byte twice', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  const piece = Math.ceil(view.archive.length / 8);
  cutting(server, view, piece);
  const first = fetching({ target, servers: [server], view });
  expect(await first.fetch()).toMatchObject({ fetched: { kind: 'failed' } });
  expect(rangesOf(server)).toEqual([undefined, ...[1, 2, 3, 4].map((count) => `bytes=${count * piece}-`)]);
  const kept = readFileSync(join(target, 'downloads', `${nameOf(view)}.part`));
  expect(kept.equals(view.archive.subarray(0, 5 * piece))).toBe(true);
  const next = fetching({ target, servers: [server], view });
  expect(await next.fetch()).toMatchObject({ fetched: { kind: 'fetched' }, tree: TREE });
  expect(rangesOf(server).slice(5)).toEqual([5, 6, 7].map((count) => `bytes=${count * piece}-`));
});

test('a server that brings nothing new is not asked again', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  cutting(server, view, 50);
  const servers = [server];
  await fetching({ target: await disposableDirectory(), servers, view }).fetch();
  const before = server.count('archive');
  server.instead.archive = (request) => ({ ...archiveReply(server, view, request), cutAfter: 0 });
  await fetching({ target: await disposableDirectory(), servers, view }).fetch();
  expect(server.count('archive')).toBe(before + 1);
});

test('what one run could not fetch to its end the next one continues, and tidies up', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  cuttingOnce(server, view, 100);
  const first = await runClient(pollArgs(server, target));
  expect(first.code).toBe(1);
  expect(first.stderr).toContain('cannot fetch the archive');
  expect(readdirSync(join(target, 'releases'))).toEqual([]);
  expect(keptIn(target)).toEqual([`${nameOf(view)}.json`, `${nameOf(view)}.part`]);
  expect(statSync(join(target, 'downloads', `${nameOf(view)}.part`)).mode & 0o777).toBe(0o600);
  server.instead = {};
  expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
  expect(rangesOf(server).at(-1)).toBe('bytes=100-');
  expect(await currentTree(target)).toEqual(TREE);
  expect(keptIn(target)).toEqual([]);
});

test('a run that is killed while an archive comes leaves what came of it to the next one', async () => {
  const large = randomBytes(2_000_000);
  const view = await viewOf({ ...FILES, large });
  const server = await serveView(view);
  const target = await disposableDirectory();
  cutting(server, view, 1_300_000, { stall: true });
  const { child, ended } = await startClient(pollArgs(server, target));
  const path = join(target, 'downloads', `${nameOf(view)}.part`);
  const deadline = performance.now() + 20_000;
  while (!existsSync(path) || statSync(path).size < 1_000_000) {
    if (performance.now() > deadline) throw new Error('nothing is kept');
    await turn();
  }
  child.kill('SIGKILL');
  await ended;
  const kept = readFileSync(path);
  expect(kept.equals(view.archive.subarray(0, kept.length))).toBe(true);
  server.instead = {};
  expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
  expect(rangesOf(server).at(-1)).toBe(`bytes=${kept.length}-`);
  expect(readFileSync(join(target, 'current', 'large')).equals(large)).toBe(true);
});

test('a run that is stopped politely keeps every byte that came', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  cutting(server, view, 120, { stall: true });
  const asked = server.next('archive');
  const { child, ended } = await startClient(pollArgs(server, target));
  await asked;
  const deadline = performance.now() + 20_000;
  while (readdirSync(join(target, 'releases')).length === 0) {
    if (performance.now() > deadline) throw new Error('nothing is staged');
    await turn();
  }
  child.kill('SIGTERM');
  expect((await ended).code).toBe(143);
  expect(readdirSync(join(target, 'releases'))).toEqual([]);
  const path = join(target, 'downloads', `${nameOf(view)}.part`);
  const kept = existsSync(path) ? readFileSync(path) : Buffer.alloc(0);
  expect(kept.equals(view.archive.subarray(0, kept.length))).toBe(true);
  server.instead = {};
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  expect(rangesOf(server).at(-1)).toBe(kept.length === 0 ? undefined : `bytes=${kept.length}-`);
});

test('the beginning of one packing and the rest of another are not put together, though both are of one view', async () => {
  const view = await viewOf(FILES);
  const other = { ...view, archive: gzipSync(await tarOf(membersOf(FILES)), { level: 1 }) };
  expect(other.archive.equals(view.archive)).toBe(false);
  const [a, b] = [await serveView(view), await serveView(other)];
  cutting(a, view, 80);
  const { fetch, told } = fetching({ target: await disposableDirectory(), servers: [a, b], view });
  expect(await fetch()).toMatchObject({ fetched: { kind: 'fetched' }, tree: TREE });
  expect(told).toEqual([]);
  expect(rangesOf(a)).toEqual([undefined]);
  expect(rangesOf(b)).toEqual(['bytes=80-', undefined]);
});

test('an archive that is another one by now is fetched from its start', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const servers = [server];
  const target = await disposableDirectory();
  cuttingOnce(server, { ...view, digest: 'before' }, 90);
  await fetching({ target, servers, view }).fetch();
  server.instead = {};
  const { fetch, told } = fetching({ target, servers, view });
  expect(await fetch()).toMatchObject({ fetched: { kind: 'fetched' }, tree: TREE });
  expect([rangesOf(server).at(-1), told]).toEqual(['bytes=90-', []]);
});

test.each<[string, (file: Buffer) => Reply]>([
  ['other bytes under the same names', (file) => ({ file: corrupted(file), etag: '"same"' })],
  ['nothing but an error about the range', () => ({ status: 416 })],
  ['a part that was not asked for', () => ({ raw: 'x', status: 206 })],
])('a continuation that turns out to be %s is thrown away, and the whole is fetched', async (what, rest) => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  const whole = view.archive;
  let asked = 0;
  server.instead.archive = () => {
    asked++;
    if (asked === 1) return { file: what.startsWith('other') ? corrupted(whole) : whole, etag: '"same"', cutAfter: 60 };
    return asked === 2 ? rest(whole) : { file: whole, etag: '"same"' };
  };
  const { fetch, told } = fetching({ target, servers: [server], view });
  expect(await fetch()).toMatchObject({ fetched: { kind: 'fetched' }, tree: TREE });
  expect(told.join()).toMatch(
    what.startsWith('other')
      ? /^web1: the download that was cut off does not go together with its rest \(.+\): the whole archive is fetched/
      : /^$/,
  );
  expect(rangesOf(server)[2]).toBeUndefined();
  expect(keptIn(target)).toEqual([]);
});

function corrupted(archive: Buffer): Buffer {
  const copy = Buffer.from(archive);
  copy.writeUInt32LE((copy.readUInt32LE(copy.length - 8) ^ 1) >>> 0, copy.length - 8);
  return copy;
}

test('an archive that is not what was announced is refused at once where it came in one piece', async () => {
  const view = await viewOf(FILES);
  const server = await serveView({ ...view, archive: corrupted(view.archive) });
  const target = await disposableDirectory();
  const { fetch, told } = fetching({ target, servers: [server], view });
  expect(await fetch()).toMatchObject({
    fetched: { kind: 'failed', failure: { sentence: expect.stringContaining('the archive is refused') } },
  });
  expect([server.count('archive'), told, keptIn(target)]).toEqual([1, [], []]);
});

test('an archive that came to its end before the run was killed is not asked for again', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  keep(target, view, view.archive);
  expect(await fetching({ target, servers: [server], view }).fetch()).toMatchObject({ tree: TREE });
  expect([server.requests, keptIn(target)]).toEqual([[], []]);
});

/** Leaves a part as a killed run would. */
function keep(target: string, view: TestView, part: Buffer, meta?: string): void {
  mkdirSync(join(target, 'downloads'), { recursive: true });
  const representation = { etag: `"${view.digest}"`, reprDigest: null, size: view.archive.length };
  writeFileSync(join(target, 'downloads', `${nameOf(view)}.json`), meta ?? JSON.stringify(representation));
  writeFileSync(join(target, 'downloads', `${nameOf(view)}.part`), part);
}

test.each<[string, (target: string, view: TestView) => void]>([
  ['of another view', (target, view) => keep(target, { ...view, digest: `sha256:${'1'.repeat(64)}` }, Buffer.alloc(9))],
  ['without what it is of', (target, view) => keep(target, view, Buffer.alloc(9), '')],
  ['with something else beside it', (target, view) => keep(target, view, Buffer.alloc(9), '{"etag":1}')],
  ['longer than the whole', (target, view) => keep(target, view, Buffer.alloc(view.archive.length + 1))],
  ['of nothing', (target, view) => keep(target, view, Buffer.alloc(0))],
])('a part %s is thrown away, and the archive fetched from its start', async (_what, before) => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  before(target, view);
  writeFileSync(join(target, 'downloads', 'of-somebody-else'), 'precious');
  const { fetch, told } = fetching({ target, servers: [server], view });
  expect(await fetch()).toMatchObject({ fetched: { kind: 'fetched' }, tree: TREE });
  expect([rangesOf(server), told, keptIn(target)]).toEqual([[undefined], [], ['of-somebody-else']]);
});

test.each<[string, (target: string, outside: string, view: TestView) => void]>([
  ['a link', (target, outside) => symlinkSync(outside, join(target, 'downloads'))],
  ['a file', (target) => writeFileSync(join(target, 'downloads'), 'precious')],
  [
    'a directory whose part is a link',
    (target, outside, view) => {
      keep(target, view, Buffer.alloc(0));
      symlinkSync(join(outside, 'precious'), join(target, 'downloads', `${nameOf(view)}.part.new`));
    },
  ],
])('where the directory for parts is %s nothing is kept, and nothing is written through it', async (what, before) => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const [target, outside] = [await disposableDirectory(), await disposableDirectory()];
  writeFileSync(join(outside, 'precious'), 'precious');
  before(target, outside, view);
  cuttingOnce(server, view, 70);
  await fetching({ target, servers: [server], view }).fetch();
  server.instead = {};
  expect(await fetching({ target, servers: [server], view }).fetch()).toMatchObject({ tree: TREE });
  expect(rangesOf(server).at(-1) === undefined).toBe(!what.startsWith('a directory'));
  expect([readdirSync(outside), readFileSync(join(outside, 'precious'), 'utf8')]).toEqual([['precious'], 'precious']);
});

test('a part is never written through a link in its place', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const [target, outside] = [await disposableDirectory(), await disposableDirectory()];
  writeFileSync(join(outside, 'precious'), 'precious');
  keep(target, view, view.archive.subarray(0, 40));
  const { layout } = fetching({ target, servers: [server], view });
  symlinkSync(join(outside, 'precious'), join(layout.downloads, 'link'));
  // As if somebody had put the link where the part was.
  const path = join(layout.downloads, `${nameOf(view)}.part`);
  renameSync(join(layout.downloads, 'link'), path);
  cuttingOnce(server, view, 60);
  await fetching({ target, servers: [server], view }).fetch();
  server.instead = {};
  expect(await fetching({ target, servers: [server], view }).fetch()).toMatchObject({ tree: TREE });
  expect(readFileSync(join(outside, 'precious'), 'utf8')).toBe('precious');
});

test.each<[string, number, string[]]>([
  ['a day and more ago', -25, []],
  ['less than a day ago', -23, ['json', 'part']],
  ['in a future of which the clock was set back', 25, []],
])('what was kept %s and is not asked for is tidied up accordingly', async (_when, hours, left) => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  const other = { ...view, digest: `sha256:${'1'.repeat(64)}` };
  keep(target, other, Buffer.alloc(9));
  const at = new Date(Date.now() + hours * 3_600_000);
  for (const name of keptIn(target)) utimesSync(join(target, 'downloads', name), at, at);
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  expect(keptIn(target)).toEqual(left.map((ending) => `${nameOf(other)}.${ending}`));
});

test('a killswitch that is met while a download goes on stops the run, which goes on afterwards where it was', async () => {
  const view = await viewOf(FILES);
  const server = await serveView(view);
  const target = await disposableDirectory();
  server.instead.archive = (request) =>
    server.count('archive') === 1
      ? { ...archiveReply(server, view, request), cutAfter: 100 }
      : KILLSWITCH('stop for a moment');
  expect((await runClient(pollArgs(server, target))).code).toBe(3);
  server.instead = {};
  expect((await runClient(pollArgs(server, target))).code).toBe(0);
  expect(rangesOf(server)).toEqual([undefined, 'bytes=100-', 'bytes=100-']);
});
