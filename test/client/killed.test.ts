import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, pollArgs, runClient, runProcess, type Started, startClient, treeOf } from './run-client.ts';
import { seedHost } from './seed-host.ts';
import { type Kind, NEXT_TAG, type Reply, serveView, type TestView, type ViewServer, viewOf } from './serve-view.ts';

const OLD = { a: 'old', gone: 'x' };

function newFiles(seed: string): Record<string, string> {
  const files: Record<string, string> = { a: seed };
  for (let index = 0; index < 200; index++) files[`many/${index}`] = `${seed} ${index}`;
  return files;
}

interface Host {
  readonly server: ViewServer;
  readonly target: string;
  readonly view: TestView;
  readonly files: Record<string, string>;
}

/** A host on OLD, and a server that has something new for it. */
async function host(): Promise<Host> {
  const files = newFiles('new');
  const [old, view] = [await viewOf(OLD), await viewOf(files)];
  const server = await serveView(view);
  server.answer = () => ({ serve: view, tag: NEXT_TAG });
  const target = await disposableDirectory();
  await seedHost(target, old, OLD);
  return { server, target, view, files };
}

async function kill({ child, ended }: Started, signal: NodeJS.Signals): Promise<void> {
  child.kill(signal);
  await ended;
}

function leftovers(target: string): string[] {
  return ['', 'releases', 'manifests'].flatMap((folder) =>
    readdirSync(join(target, folder)).filter((name) => name.startsWith('.tmp-')),
  );
}

/** Whatever was killed, the host has the old release or the new one, and the next run completes and tidies up. */
async function expectWholeAndCompletable({ server, target, files }: Host): Promise<void> {
  expect([OLD, files]).toContainEqual(await currentTree(target));
  const run = await runClient(pollArgs(server, target));
  expect(run).toMatchObject({ code: 0, stderr: '' });
  expect(await currentTree(target)).toEqual(files);
  expect(leftovers(target)).toEqual([]);
}

/** Stalls one request of the run; the archive stops in the middle. */
function stall({ server, view }: Host, kind: Kind, number: number): void {
  const reply: Reply =
    kind === 'archive' ? { cut: view.archive.subarray(0, view.archive.length / 2), stall: true } : { hang: true };
  if (kind !== 'question') server.instead[kind] = () => (server.count(kind) === number ? reply : undefined);
  else server.answer = (_question, count) => (count === number ? reply : { serve: view, tag: NEXT_TAG });
}

/** Starts a run and waits until it stands still at a request. */
async function startedAndStalled(
  at: Host,
  [kind, number]: readonly [Kind, number],
  ...flags: string[]
): Promise<Started> {
  stall(at, kind, number);
  const started = await startClient(pollArgs(at.server, at.target, ...flags));
  while (at.server.count(kind) < number) await at.server.next(kind);
  if (kind === 'archive')
    await until(() => readdirSync(join(at.target, 'releases')).some((name) => name.startsWith('.tmp-')));
  return started;
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`never: ${condition}`);
    await turn();
  }
}

const STEPS: [Kind, number][] = [
  ['question', 1],
  ['manifest', 1],
  ['archive', 1],
  ['question', 2],
  ['report', 1],
];

describe('kill -9', () => {
  test.each(STEPS)('at %s %i leaves a whole release, and the next run completes', async (kind, number) => {
    const at = await host();
    await kill(await startedAndStalled(at, [kind, number]), 'SIGKILL');
    expect(await currentTree(at.target)).toEqual(kind === 'report' ? at.files : OLD);
    await expectWholeAndCompletable(at);
    expect(new Set(at.server.reports.map(({ runId }) => runId)).size).toBe(1);
  });

  test.each<[string, (at: Host, name: string) => boolean]>([
    ['the lock is made', ({ target }) => existsSync(join(target, '.lock'))],
    ['the stage is begun', ({ target, view }) => existsSync(join(target, 'releases', `.tmp-${nameOf(view)}`))],
    ['the manifest is kept', ({ target, view }) => existsSync(join(target, 'manifests', nameOf(view)))],
    ['the stage is whole', ({ target, view }) => existsSync(join(target, 'releases', nameOf(view)))],
    ['the state is written', ({ target }) => existsSync(join(target, 'state.json'))],
    [
      'the flip is prepared or done',
      ({ target, view }) => existsSync(join(target, '.tmp-current')) || isOn(target, view),
    ],
    ['the flip is done', ({ target, view }) => isOn(target, view)],
  ])('when %s leaves a whole release, and the next run completes', async (_when, seen) => {
    const at = await host();
    const started = await startClient(pollArgs(at.server, at.target));
    await until(() => seen(at, nameOf(at.view)));
    await kill(started, 'SIGKILL');
    await expectWholeAndCompletable(at);
  });

  test('before the stage is whole leaves nothing that stays when the next answer is another', async () => {
    const at = await host();
    const started = await startClient(pollArgs(at.server, at.target));
    await until(() => existsSync(join(at.target, 'manifests', nameOf(at.view))));
    await kill(started, 'SIGKILL');
    await rm(join(at.target, 'releases', nameOf(at.view)), { recursive: true, force: true });
    const other = await viewOf({ other: 'x' });
    at.server.answer = () => ({ serve: other, tag: NEXT_TAG });
    expect((await runClient(pollArgs(at.server, at.target))).code).toBe(0);
    expect(readdirSync(join(at.target, 'manifests')).sort()).toEqual(readdirSync(join(at.target, 'releases')).sort());
  });

  test('at 24 random moments leaves a whole release each time, and tells and reports every flip', async () => {
    const { server, target } = await host();
    const views = [
      { files: newFiles('one'), tag: 'etchautotag-20261120-1000' },
      { files: newFiles('two'), tag: 'etchautotag-20261120-1100' },
    ];
    const served = await Promise.all(views.map(async ({ files, tag }) => ({ serve: await viewOf(files), tag })));
    const usual = await durationAfterQuestion(server, target);
    for (let round = 0; round < 24; round++) {
      const index = round % 2;
      server.answer = () => served[index] as Reply;
      const asked = server.next('question');
      const started = await startClient(pollArgs(server, target));
      await asked;
      await Promise.race([started.ended, delay(Math.random() * usual)]);
      await kill(started, 'SIGKILL');
      expect([...views.map(({ files }) => files), newFiles('new')]).toContainEqual(await currentTree(target));
      if (round % 4 !== 3) continue;
      expect(await runClient(pollArgs(server, target))).toMatchObject({ code: 0, stderr: '' });
      expect(await currentTree(target)).toEqual(views[index]?.files);
      expect(leftovers(target)).toEqual([]);
      expect(server.reports.at(-1)).toMatchObject({ outcome: 'applied', tag: views[index]?.tag });
    }
  });

  test('between the flip and the report: the next run says and reports what the killed one did', async () => {
    const at = await host();
    const started = await startClient(pollArgs(at.server, at.target));
    await until(() => isOn(at.target, at.view));
    await kill(started, 'SIGKILL');
    const { stdout } = await started.ended;
    const next = await runClient(pollArgs(at.server, at.target));
    expect(next.code).toBe(0);
    expect(stdout + next.stdout).toContain(`web1: now on ${NEXT_TAG}`);
    expect(at.server.reports.filter(({ outcome }) => outcome === 'applied').length).toBeGreaterThan(0);
    expect((await runClient(['status', '--target', at.target])).stdout).toContain(`current:     ${NEXT_TAG} since`);
  });
});

/** Milliseconds from the first question of a run to its end: before it nothing happens that could be interrupted. */
async function durationAfterQuestion(server: ViewServer, target: string): Promise<number> {
  const asked = server.next('question');
  const started = await startClient(pollArgs(server, target));
  await asked;
  const start = performance.now();
  expect((await started.ended).code).toBe(0);
  return performance.now() - start;
}

function nameOf(view: TestView): string {
  return view.digest.slice('sha256:'.length).slice(0, 16);
}

function isOn(target: string, view: TestView): boolean {
  return readlinkSync(join(target, 'current')) === `releases/${nameOf(view)}`;
}

describe('a polite signal', () => {
  test.each(STEPS.slice(0, 4))('at %s %i stops the run with nothing half done', async (kind, number) => {
    const at = await host();
    const started = await startedAndStalled(at, [kind, number]);
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({
      code: 143,
      stdout: '',
      stderr: expect.stringContaining('web1: stopped by SIGTERM'),
    });
    expect(await currentTree(at.target)).toEqual(OLD);
    expect(leftovers(at.target)).toEqual([]);
    expect(readdirSync(join(at.target, 'releases'))).toHaveLength(number === 2 ? 2 : 1);
    await expectWholeAndCompletable(at);
  });

  test('after the flip leaves the run to end as what it is', async () => {
    const at = await host();
    const started = await startedAndStalled(at, ['report', 1]);
    started.child.kill('SIGTERM');
    expect(await started.ended).toMatchObject({ code: 0, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
    await expectWholeAndCompletable(at);
    expect(at.server.reports).toMatchObject([{ outcome: 'applied' }]);
  });

  test('while it waits for its share of the splay stops it before it asked', async () => {
    const at = await host();
    const started = await startClient(pollArgs(at.server, at.target, '--splay', '86400', '--verbose'));
    let said = '';
    started.child.stderr?.on('data', (chunk: string) => (said += chunk));
    await until(() => said.includes("this host's share of the splay"));
    started.child.kill('SIGINT');
    expect((await started.ended).code).toBe(130);
    expect(at.server.requests).toEqual([]);
    expect(existsSync(join(at.target, '.lock'))).toBe(false);
  });
});

describe('one run at a time:', () => {
  test('a second one exits 5, names the lock, and touches nothing; the lock goes with the process', async () => {
    const at = await host();
    const first = await startedAndStalled(at, ['question', 2]);
    const before = await treeOf(at.target);
    const second = await runClient(pollArgs(at.server, at.target));
    expect(second).toMatchObject({ code: 5, stdout: '' });
    expect(second.stderr).toContain(
      `another run (process ${first.child.pid}) holds the lock ${join(at.target, '.lock')}`,
    );
    expect(await treeOf(at.target)).toEqual(before);
    await kill(first, 'SIGKILL');
    await expectWholeAndCompletable(at);
  });

  test('of ten started together each applies, finds nothing to do, or exits 5', async () => {
    const at = await host();
    const runs = await Promise.all(Array.from({ length: 10 }, () => runProcess(pollArgs(at.server, at.target))));
    expect(runs.map(({ code }) => code).filter((code) => code !== 0 && code !== 5)).toEqual([]);
    expect(runs.filter(({ stdout }) => stdout.includes('now on'))).toHaveLength(1);
    await expectWholeAndCompletable(at);
    expect(at.server.reports).toHaveLength(1);
  });
});
