import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { manifestLine } from '../../protocol/manifest.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { pollArgs, runClient, runProcess } from './run-client.ts';
import {
  entriesOf,
  type Files,
  HOLD,
  membersOf,
  NEXT_TAG,
  PROBLEM,
  serveView,
  TAG,
  type TestView,
  tarOf,
  type ViewServer,
  viewOf,
  withArchive,
} from './serve-view.ts';

interface Host {
  readonly server: ViewServer;
  readonly target: string;
  at(path: string): string;
  /** What a dry run prints after its sentence. */
  diff(...flags: string[]): Promise<string>;
}

type Attributes = Readonly<Record<string, { perm?: string; owner?: string; group?: string }>>;

async function viewWith(files: Files, attributes: Attributes): Promise<TestView> {
  const entries = entriesOf(files).map((entry) => ({ ...entry, ...attributes[entry.path] }));
  return withArchive(entries, await tarOf(membersOf(files)));
}

/** A host that has some files, and is to have others. */
async function host(before: TestView, after: TestView): Promise<Host> {
  const server = await serveView(before);
  const target = await disposableDirectory();
  expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
  server.answer = () => ({ serve: after, tag: NEXT_TAG });
  server.requests.length = 0;
  server.reports.length = 0;
  const diff = async (...flags: string[]): Promise<string> => {
    const { stdout, stderr } = await runClient(pollArgs(server, target, '--dry-run', ...flags));
    if (!flags.includes('--verbose')) expect(stderr).toBe('');
    return stdout.slice(stdout.indexOf('\n') + 1);
  };
  return { server, target, diff, at: (path) => join(target, 'current', path) };
}

/** Everything that can be seen of a tree: names, content, modes, times. */
function traceOf(root: string): string {
  const hash = createHash('sha256');
  for (const path of [
    root,
    ...readdirSync(root, { recursive: true, encoding: 'utf8' })
      .sort()
      .map((name) => join(root, name)),
  ]) {
    const stats = lstatSync(path);
    const content = stats.isFile() ? readFileSync(path) : stats.isSymbolicLink() ? readlinkSync(path) : '';
    hash
      .update(JSON.stringify([path, stats.ino, stats.mode, stats.mtimeMs, stats.ctimeMs, stats.size]))
      .update(content);
  }
  return hash.digest('hex');
}

describe('a dry run shows', () => {
  test('text by its lines, in order of path', async () => {
    const before = await viewOf({ a: '1\n', gone: 'x\n', same: 'same\n' });
    const after = await viewOf({ a: '2\n', 'etc/new': 'new\n', same: 'same\n' });
    const { diff } = await host(before, after);
    expect(await diff()).toBe(
      '--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n' +
        '--- /dev/null\n+++ b/etc/new\n@@ -0,0 +1 @@\n+new\n' +
        '--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-x\n',
    );
  });

  test('binary files by their size, links by where they lead, and modes in words', async () => {
    const before = await viewOf({ bin: Buffer.from([0, 1]), link: { link: 'old' }, run: 'x\n' });
    const after = await viewOf({
      bin: Buffer.from([0, 1, 2]),
      link: { link: 'new' },
      more: { link: 'there' },
      run: { run: 'x\n' },
    });
    const { diff } = await host(before, after);
    expect(await diff()).toBe(
      'bin: a binary file of 2 bytes → a binary file of 3 bytes\n' +
        'link: a link to old → a link to new\n' +
        'more: nothing → a link to there\n' +
        'run: mode 0644 → 0755\n',
    );
  });

  test('what not everybody may read by its name only, whichever side is secret', async () => {
    const files = (text: string): Files => ({ a: `${text} a`, b: `${text} b`, c: `${text} c`, d: `${text} d` });
    const before = await viewWith(files('old-secret'), { a: { perm: '0600' }, b: { perm: '0640' } });
    const after = await viewWith(files('new-secret'), { a: { perm: '0600' }, c: { perm: '0400' } });
    const { server, target, at, diff } = await host(before, after);
    chmodSync(at('d'), 0o660);
    const [words, json] = [await diff('--verbose'), await runClient(pollArgs(server, target, '--dry-run', '--json'))];
    for (const printed of [words, json.stdout, json.stderr]) expect(printed).not.toContain('secret');
    const notes = ['a', 'b', 'c', 'd']
      .map((name) => `${name}: changed; not shown, as not everybody may read it${NOTES[name]}\n`)
      .join('');
    expect(words.slice(-notes.length)).toBe(notes);
    expect(server.count('archive')).toBe(0);
  });
  const NOTES: Record<string, string> = {
    a: '',
    b: ', mode 0640 → 0644',
    c: ', mode 0644 → 0400',
    d: ', mode 0660 → 0644, drifted (mode)',
  };

  test.skipIf(process.getuid?.() !== 0)('owners in words (skipped unless root)', async () => {
    const before = await viewWith({ a: 'x', b: 'x' }, { b: { owner: '1234' } });
    const after = await viewWith(
      { a: 'x', b: 'x', c: '' },
      { a: { owner: '1234', group: '0' }, b: { owner: '1234' }, c: { group: '7' } },
    );
    const { diff } = await host(before, after);
    expect(await diff()).toBe('a: owner 0:0 → 1234:0\nc: nothing → a file of 0 bytes, owner :7\n');
  });

  test('what was changed by hand, against what is on the disk', async () => {
    const view = await viewOf({ a: '1\n', b: '2\n', c: { run: 'x\n' }, 'etc/d': 'd' });
    const { at, server, target, diff } = await host(view, view);
    writeFileSync(at('a'), 'edited\n');
    rmSync(at('b'));
    chmodSync(at('c'), 0o644);
    chmodSync(at('etc'), 0o777);
    writeFileSync(at('etc/extra'), 'mine\n');
    const run = await runClient(pollArgs(server, target, '--dry-run', '--detailed-exitcode'));
    expect(run).toMatchObject({ code: 6, stderr: '' });
    expect(run.stdout).toContain('web1: would repair 5 paths that drifted: a (content), b (missing), ');
    expect(await diff()).toContain(
      'a: drifted (content)\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-edited\n+1\n' +
        'b: drifted (missing)\n--- /dev/null\n+++ b/b\n@@ -0,0 +1 @@\n+2\n' +
        'c: mode 0644 → 0755, drifted (mode)\n' +
        'etc: drifted (mode)\n' +
        'etc/extra: drifted (extra)\n--- a/etc/extra\n+++ /dev/null\n@@ -1 +0,0 @@\n-mine\n',
    );
  });

  test('a first release as all new', async () => {
    const server = await serveView(await viewOf({ a: 'x\n' }));
    const { stdout } = await runClient(pollArgs(server, join(await disposableDirectory(), 'none'), '--dry-run'));
    expect(stdout).toContain('--- /dev/null\n+++ b/a\n@@ -0,0 +1 @@\n+x\n');
  });

  test('huge files by their size, without keeping them', async () => {
    const before = await viewOf({ a: 'x' });
    const { diff } = await host(before, await viewOf({ a: 'x'.repeat(5_000_000), b: 'y'.repeat(3_000_000) }));
    expect(await diff('--verbose')).toBe(
      'a: a file of 1 byte → a file of 5000000 bytes\nb: nothing → a file of 3000000 bytes\n',
    );
  });

  test('the beginning of a long difference, and of many; all of it with --verbose', async () => {
    const long = Array.from({ length: 400 }, (_, index) => `${index}\n`).join('');
    const files = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`f${String(index).padStart(2, '0')}`, long]),
    );
    const { diff } = await host(await viewOf({}), await viewOf(files));
    const lines = (await diff()).split('\n');
    expect(lines[100]).toBe('… 303 more lines; --verbose shows them');
    expect(lines.at(-2)).toBe('… 20 more paths; --verbose shows them');
    expect((await diff('--verbose')).split('\n').length).toBe(40 * 403 + 1);
  });

  test('as JSON one object with the same text', async () => {
    const { server, target } = await host(await viewOf({ a: '1\n' }), await viewOf({ a: '2\n' }));
    const { stdout } = await runClient(pollArgs(server, target, '--dry-run', '--json'));
    expect(JSON.parse(stdout)).toMatchObject({
      outcome: 'would-change',
      difference: { added: [], changed: ['a'], removed: [] },
      diff: '--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n',
    });
  });
});

describe('content', () => {
  test('is not fetched where another release here has it', async () => {
    const first = await viewOf({ a: '1\n', link: { link: 'x' } });
    const { server, target, diff } = await host(first, await viewOf({ a: '2\n' }));
    await runClient(pollArgs(server, target));
    server.answer = () => ({ serve: first });
    server.requests.length = 0;
    expect(await diff()).toContain('-2\n+1\nlink: nothing → a link to x\n');
    expect(server.requests.map(({ kind }) => kind)).toEqual(['question', 'manifest']);
  });

  test('is asked for as the difference to what is in use, which a server may not know', async () => {
    const { server, diff } = await host(await viewOf({ a: '1\n', b: 'b' }), await viewOf({ a: '2\n', b: 'b' }));
    expect(await diff()).toContain('-1\n+2\n');
    expect(server.requests.find(({ kind, url }) => kind === 'archive' || url.includes('from='))?.url).toMatch(
      /\?from=sha256:/,
    );
  });

  test('that is not what the manifest says is refused', async () => {
    const after = { a: '2\n' };
    const entries = entriesOf(after);
    const { server, target } = await host(
      await viewOf({ a: '1\n' }),
      withArchive(entries, await tarOf(membersOf({ a: '3\n' }))),
    );
    const run = await runClient(pollArgs(server, target, '--dry-run'));
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toContain('"a" has other content than the manifest says');
    server.answer = () => ({ serve: withArchive(entries, Buffer.alloc(1024)), tag: NEXT_TAG });
    expect((await runClient(pollArgs(server, target, '--dry-run'))).stderr).toContain('"a" is missing');
  });
});

describe('a dry run leaves no trace', () => {
  test.each<[string, (server: ViewServer) => unknown]>([
    ['where something would change', () => undefined],
    ['when the download breaks off', (server) => (server.instead.archive = () => ({ cut: Buffer.from('x') }))],
    ['when it is held', (server) => (server.answer = () => HOLD('no-acceptable-tag', 'nothing'))],
    ['when the server refuses', (server) => (server.answer = () => PROBLEM(403, 'tag-not-allowed', 'no'))],
  ])('%s', async (_what, prepare) => {
    const { server, target, at } = await host(
      await viewOf({ a: '1\n', b: 'b' }),
      await viewOf({ a: '2\n', b: 'b', c: 'c' }),
    );
    writeFileSync(at('b'), 'edited');
    rmSync(join(target, 'seen'), { recursive: true });
    prepare(server);
    const temporary = await disposableDirectory();
    const before = traceOf(target);
    const state = readFileSync(join(target, 'state.json'), 'utf8');
    await runProcess(pollArgs(server, target, '--dry-run'), { env: { TMPDIR: temporary } });
    expect(traceOf(target)).toBe(before);
    expect(readdirSync(temporary)).toEqual([]);
    expect(readFileSync(join(target, 'state.json'), 'utf8')).toBe(state);
    expect(server.reports).toEqual([]);
  });

  test('also while another run holds the lock, which does not keep it from telling', async () => {
    const { target, diff } = await host(await viewOf({ a: '1\n' }), await viewOf({ a: '2\n' }));
    rmSync(join(target, '.lock'));
    expect(await diff()).toContain('+2');
    expect(readdirSync(target)).not.toContain('.lock');
  });
});

describe('in colour', () => {
  test('on a terminal, and nowhere else', async () => {
    const { server, target } = await host(await viewOf({ a: '1\n' }), await viewOf({ a: '2\n' }));
    const args = pollArgs(server, target, '--dry-run');
    const coloured = await runProcess(args, { onTerminal: true, env: { TERM: 'xterm' } });
    expect(coloured.stdout).toContain('\u001b[31m-1\u001b[0m');
    expect(coloured.stdout).toContain('\u001b[32m+2\u001b[0m');
    for (const options of [
      { env: { TERM: 'xterm' } },
      { onTerminal: true, env: { TERM: 'xterm', NO_COLOR: '1' } },
      { onTerminal: true, env: { TERM: 'dumb' } },
    ])
      expect((await runProcess(args, options)).stdout).not.toContain('\u001b');
  });

  test('content cannot paint: its escapes are shown', async () => {
    const { diff } = await host(await viewOf({}), await viewOf({ a: '\u001b[2J\u009b5m\u202e\n' }));
    expect(await diff()).toContain('+^[[2J<U+009B>5m<U+202E>\n');
  });
});

describe('tagwave diff', () => {
  const diffArgs = (server: ViewServer, target: string, ...more: string[]): string[] => [
    'diff',
    ...more,
    ...['--server', server.url, '--hostname', 'web1', '--target', target],
  ];

  test('without a tag is what the next run would do', async () => {
    const { server, target } = await host(await viewOf({ a: '1\n' }), await viewOf({ a: '2\n' }));
    const run = await runClient(diffArgs(server, target));
    expect(run).toEqual(await runClient(pollArgs(server, target, '--dry-run')));
    expect(run.code).toBe(0);
    expect((await runClient(diffArgs(server, target, '--detailed-exitcode'))).code).toBe(6);
  });

  test('with a tag asks for that one', async () => {
    const { server, target } = await host(await viewOf({ a: '1\n' }), await viewOf({ a: '2\n' }));
    const other = { serve: await viewOf({ a: '3\n' }), tag: 'etchautotag-20261120-1100' };
    server.answer = ({ url }) => (url.includes('?tag=') ? other : HOLD('no-acceptable-tag', 'nothing'));
    const run = await runClient(diffArgs(server, target, 'etchautotag-20261120-1100'));
    expect(run.stdout).toContain('would move to etchautotag-20261120-1100');
    expect(run.stdout).toContain('-1\n+3\n');
    expect(server.requests[0]?.url).toBe('/v1/nodes/web1?tag=etchautotag-20261120-1100');
  });

  test('says nothing where nothing is different, whatever the tag is called', async () => {
    const view = await viewOf({ a: '1\n' });
    const { server, target } = await host(view, view);
    server.answer = () => ({ serve: view, tag: TAG });
    expect(await runClient(diffArgs(server, target, TAG, '--detailed-exitcode'))).toMatchObject({
      code: 0,
      stdout: '',
    });
  });

  test('with a tag that is none is a usage error', async () => {
    const { server, target } = await host(await viewOf({}), await viewOf({}));
    const run = await runClient(diffArgs(server, target, 'yesterday'));
    expect(run.code).toBe(2);
    expect(run.stderr).toContain('[tag]: expected a tag, as in etchautotag-20261120-0800, or trunk, found "yesterday"');
  });
});

test('a difference in nothing but attributes is one', async () => {
  const files = { a: 'x' };
  const [before, after] = [await viewOf(files), await viewWith(files, { a: { perm: '0444' } })];
  expect(manifestLine({ ...entriesOf(files)[0], perm: '0444' } as never)).toContain('0444');
  const { diff } = await host(before, after);
  expect(await diff()).toBe('a: mode 0644 → 0444\n');
});

describe('with --root', () => {
  async function tree(): Promise<{ root: string; target: string }> {
    const directory = await disposableDirectory();
    const [root, target] = [join(directory, 'root'), join(directory, 'target')];
    mkdirSync(join(root, 'etc'), { recursive: true });
    writeFileSync(join(root, 'etc/motd'), 'the system says hello\n');
    writeFileSync(join(root, 'etc/others'), 'not ours\n');
    return { root, target };
  }

  test('it shows what would be other in the tree, before the first run and after, and leaves no trace', async () => {
    const { root, target } = await tree();
    const server = await serveView(await viewOf({ 'etc/motd': 'hello\n', 'etc/new': 'new\n' }));
    const args = (...more: string[]): string[] => [...pollArgs(server, target, '--root', root), ...more];
    const before = traceOf(root);
    const first = await runClient(args('--dry-run'));
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toContain('--- a/etc/motd\n+++ b/etc/motd\n@@ -1 +1 @@\n-the system says hello\n+hello\n');
    expect(first.stdout).toContain('--- /dev/null\n+++ b/etc/new\n');
    expect([traceOf(root), existsSync(target)]).toEqual([before, false]);
    expect(await runClient(args())).toMatchObject({ code: 0 });
    expect(await runClient(args('--dry-run', '--detailed-exitcode'))).toMatchObject({ code: 0, stdout: '' });
    writeFileSync(join(root, 'etc/motd'), 'edited\n');
    const [tracedRoot, tracedTarget] = [traceOf(root), traceOf(target)];
    const edited = await runClient(args('--dry-run', '--detailed-exitcode'));
    expect(edited).toMatchObject({ code: 6, stderr: '' });
    expect(edited.stdout).toContain('web1: would repair 1 path that drifted: etc/motd (content)\n');
    expect(edited.stdout).toContain('-edited\n+hello\n');
    expect([traceOf(root), traceOf(target)]).toEqual([tracedRoot, tracedTarget]);
  });
});
