import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import pLimit from 'p-limit';
import { afterAll, expect, test } from 'vitest';
import { HOOKS_PATH, hooksBytes } from '../../../protocol/hooks.ts';
import { watchDisk } from '../../rig/disk-steps.ts';
import { type Ended, pollArgs, runClient, runProcess, treeOf } from '../run-client.ts';
import { type Files, NEXT_TAG, TAG as OLD_TAG, serveView, type ViewServer, viewOf } from '../serve-view.ts';
import { quickDirectory } from './host-tree.ts';

const directory = mkdtempSync(join(tmpdir(), 'tagwave-steps-'));
const preload = join(directory, 'stop-at-step.cjs');
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const built = build({
  entryPoints: ['test/rig/stop-at-step.ts'],
  bundle: true,
  platform: 'node',
  format: 'cjs',
  outfile: preload,
  logLevel: 'warning',
});

export type PlaceMode = 'root' | 'releases';

/** What is in use, from the release's directory. */
const IN_USE = { root: '"$TAGWAVE_ROOT"/a', releases: '../../current/a' };

/** Files whose hooks note what they are called for, and what they find in use. */
function viewFiles(text: string, files: Files, mode: PlaceMode): Files {
  const note = (what: string): string => `read -r used < ${IN_USE[mode]}; echo ${what} ${text} $used >> ../../../log`;
  const hooks = [{ test: `echo test ${text} >> ../../../log`, run: note('first') }, { run: note('second') }];
  return { ...files, [HOOKS_PATH]: hooksBytes({ hooks, verify: [] }) };
}

const OLD = { a: 'old', 'gone/b': 'old', turns: 'old', link: { link: 'a' } };
const NEW = { a: 'new', 'turns/c': 'new', link: 'new', added: { link: 'a' } };
const OLD_TREE = { a: 'old', 'gone/b': 'old', turns: 'old', link: '-> a' };
const NEW_TREE = { a: 'new', 'turns/c': 'new', link: 'new', added: '-> a' };

interface Host {
  readonly directory: string;
  readonly args: string[];
  /** What is in use: the tree, or what `current` leads to. */
  tree(): Promise<Record<string, string>>;
  log(): string[];
}

/** A host on the old release, and the log empty, to be copied. */
async function template(server: ViewServer, mode: PlaceMode, hosts: string): Promise<string> {
  const first = mkdtempSync(join(hosts, 'first-'));
  mkdirSync(join(first, 'root'));
  const run = await runClient([...argsOf(server, mode, first), '--tag', OLD_TAG]);
  expect(run).toMatchObject({ code: 0, stderr: '' });
  rmSync(join(first, 'log'));
  return first;
}

function argsOf(server: ViewServer, mode: PlaceMode, own: string): string[] {
  return pollArgs(server, join(own, 'target'), ...(mode === 'root' ? ['--root', join(own, 'root')] : []));
}

function hostLike(first: string, { server, mode, hosts }: Setting): Host {
  const own = mkdtempSync(join(hosts, 'host-'));
  cpSync(first, own, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true });
  const [root, applied] = [join(own, 'root'), join(own, 'target/applied')];
  if (mode === 'root') writeFileSync(applied, readFileSync(applied, 'utf8').replace(join(first, 'root'), root));
  return {
    directory: own,
    args: argsOf(server, mode, own),
    async tree() {
      const tree = (await treeOf(mode === 'root' ? root : realpathSync(join(own, 'target/current')))) ?? {};
      return Object.fromEntries(Object.entries(tree).filter(([path]) => !path.includes('.tagwave')));
    },
    log: () => (existsSync(join(own, 'log')) ? readFileSync(join(own, 'log'), 'utf8').trim().split('\n') : []),
  };
}

interface Setting {
  readonly server: ViewServer;
  readonly mode: PlaceMode;
  readonly hosts: string;
}

async function steps(host: Host, env: Readonly<Record<string, string>>): Promise<Ended> {
  await built;
  return runProcess(host.args, { env: { NODE_OPTIONS: `--require=${preload}`, ...env } });
}

/** Whatever is at a path is what one of the releases has there, whole. */
function expectNothingTorn(tree: Record<string, string>): void {
  for (const [path, text] of Object.entries(tree))
    expect([(OLD_TREE as Record<string, string>)[path], (NEW_TREE as Record<string, string>)[path]]).toContain(text);
}

function leftovers({ directory: own }: Host): string[] {
  const names = readdirSync(own, { recursive: true, encoding: 'utf8' });
  return names.filter((name) => /(^|\/)\.(tmp|tagwave)-|(^|\/)journal(\/|$)/.test(name));
}

const RUNS = ['first new new', 'second new new'];

/** Registers the test for one mode: each has a file of its own, so that they run beside each other. */
export function testKilledRuns(mode: PlaceMode): void {
  test(`after kill -9 at any step that changes the disk the next run converges, nothing is mixed or torn, and each hook has run (${mode})`, {
    timeout: 900_000,
  }, async () => {
    const { setting, first } = await setTheScene(mode);
    const count = await countSteps(hostLike(first, setting), join(setting.hosts, 'steps'));
    expect(count).toBeGreaterThan(40);
    const limit = pLimit(2);
    const survived = (_: unknown, index: number): Promise<void> =>
      limit(() => expectSurvived(hostLike(first, setting), { mode, at: index + 1 }));
    await Promise.all(Array.from({ length: count }, survived));
  });
}

/** What takes space. */
const TAKES_SPACE = new Set(['writeSync', 'openSync', 'linkSync', 'symlinkSync', 'copyFileSync', 'writeFileSync']);

/** Registers the test for one mode. */
export function testFullDisk(mode: PlaceMode): void {
  test(`a disk that is full from any step on leaves the old release or the new one, whole, and says why (${mode})`, async () => {
    const { setting, first } = await setTheScene(mode);
    let failures = 0;
    for (let from = 1; ; from++) {
      const host = hostLike(first, setting);
      const disk = watchDisk((step, name, path) => {
        if (step < from || !TAKES_SPACE.has(name)) return;
        throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC', syscall: name.replace('Sync', ''), path });
      });
      const run = await runClient(host.args).finally(() => disk.restore());
      const isOver = disk.count() < from;
      if (run.code !== 0) expect([from, run.stderr]).toEqual([from, expect.stringContaining('no space is left')]);
      expect([OLD_TREE, NEW_TREE]).toContainEqual(await host.tree());
      if (run.code !== 0) failures++;
      expect([from, (await runClient(host.args)).code]).toEqual([from, 0]);
      expect(await host.tree()).toEqual(NEW_TREE);
      expect(leftovers(host)).toEqual([]);
      rmSync(host.directory, { recursive: true });
      if (isOver) break;
    }
    expect(failures).toBeGreaterThan(10);
  });
}

/** A server that has the new release for hosts on the old one, and such a host. */
async function setTheScene(mode: PlaceMode): Promise<{ readonly setting: Setting; readonly first: string }> {
  const [old, next] = [await viewOf(viewFiles('old', OLD, mode)), await viewOf(viewFiles('new', NEW, mode))];
  const server = await serveView(next);
  server.answer = ({ url }) => (url.includes('tag=') ? { serve: old, tag: OLD_TAG } : { serve: next, tag: NEXT_TAG });
  const setting = { server, mode, hosts: quickDirectory() };
  return { setting, first: await template(server, mode, setting.hosts) };
}

async function countSteps(host: Host, file: string): Promise<number> {
  expect(await steps(host, { TAGWAVE_TEST_STEPS: file })).toMatchObject({ code: 0, stderr: '' });
  return Number(readFileSync(file, 'utf8'));
}

async function expectSurvived(
  host: Host,
  { mode, at }: { readonly mode: PlaceMode; readonly at: number },
): Promise<void> {
  expect(await steps(host, { TAGWAVE_TEST_STOP_AT: String(at) })).toMatchObject({ signal: 'SIGKILL' });
  const between = await host.tree();
  if (mode === 'releases') expect([OLD_TREE, NEW_TREE]).toContainEqual(between);
  else expectNothingTorn(between);
  const run = await runClient(host.args);
  expect([at, run.code]).toEqual([at, 0]);
  expect(await host.tree()).toEqual(NEW_TREE);
  expect(leftovers(host)).toEqual([]);
  expectHooks(host.log(), at);
  rmSync(host.directory, { recursive: true });
}

/** Tests come first; each `run` came after its release was in use, in order, and once more at most, where only its end went unnoted. */
function expectHooks(log: readonly string[], at: number): void {
  const tests = log.filter((line) => line === 'test new');
  const runs = log.filter((line) => line !== 'test new');
  expect([at, tests.length > 0, log[0]]).toEqual([at, true, 'test new']);
  const once = runs.filter((line, index) => line !== runs[index - 1]);
  expect([at, once]).toEqual([at, RUNS]);
  expect(runs.length).toBeLessThanOrEqual(RUNS.length + 1);
}
