import { existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openPlace } from '../../../client/adapters/open-place.ts';
import { type Failure, systemFailure } from '../../../client/core/failure.ts';
import type { Place, ReleaseOnDisk } from '../../../client/core/place.ts';
import { type DiskSteps, watchDisk } from '../../rig/disk-steps.ts';
import {
  expectedSums,
  giveTo,
  type HostOptions,
  type HostTree,
  hasTwoFileSystems,
  hostTree,
  pictureOf,
  plant,
  type Specs,
  sumsOf,
} from './host-tree.ts';

/** Somebody's tree before Tagwave. */
const BEFORE: Specs = {
  'etc/theirs': 'not of any view',
  'etc/motd': { text: 'an original', perm: '0640' },
  'etc/link': { link: 'theirs' },
  'etc/app': 'a file where the view has a directory',
  'etc/empty/': '',
};
const OLD: Specs = {
  'etc/motd': 'old motd\n',
  'etc/same': 'the same\n',
  'etc/gone/deep/file': 'leaves\n',
  'etc/app/conf': 'below what was a file\n',
  'etc/turns': 'a file that becomes a directory\n',
};
const NEW: Specs = {
  'etc/same': 'the same\n',
  'etc/link': { text: 'a file where a link was', perm: '4750' },
  'etc/gone': { link: 'theirs' },
  'etc/turns/into/directory': 'new\n',
  'etc/empty': 'a file where an empty directory was\n',
  'etc/added': { text: 'new\n', perm: '0600' },
};

class Killed extends Error {}

/** From its step `at` on nothing of this process reaches the disk any more, as after kill -9. */
function freezeAt(at: number): DiskSteps {
  return watchDisk((step) => {
    if (step >= at) throw new Killed(`at step ${step}`);
  });
}

/** Does something until it is killed at a step. Answers whether it was. */
async function killedAt(at: number, work: () => Promise<unknown>): Promise<boolean> {
  const disk = freezeAt(at);
  try {
    await work();
    return disk.count() >= at;
  } catch (error) {
    if (disk.count() < at) throw error;
    return true;
  } finally {
    disk.restore();
  }
}

interface Case {
  readonly host: HostTree;
  readonly next: ReleaseOnDisk;
  /** What the tree is before and after. */
  readonly old: Record<string, string>;
  readonly times: boolean;
}

async function atOld(options: HostOptions = {}): Promise<Case> {
  const host = hostTree(options);
  plant(host.root, BEFORE);
  giveTo(host.root, ['etc/motd', 'etc/link', 'etc/empty'], 4711);
  await host.use(OLD);
  const times = options.isApart !== true;
  return { host, next: host.staged(NEW), old: pictureOf(host.root, { times }), times };
}

/** As the next process sees it. */
function again({ host }: Case): Place {
  return openPlace(host.layout, host.root);
}

function expectTidy(host: HostTree): void {
  const names = readdirSync(host.root, { recursive: true, encoding: 'utf8' });
  expect(names.filter((name) => name.includes('.tagwave-'))).toEqual([]);
  expect(readdirSync(host.target)).not.toContain('journal');
}

function expectNew({ host, next }: Case): void {
  expect(sumsOf(host.root)).toMatchObject(expectedSums(next.entries));
  expect(host.place.inUse()?.name).toBe(next.name);
  expectTidy(host);
}

/** The tree is wholly one or the other, or the next run knows how to make it so. */
async function expectRecovery(at: Case): Promise<void> {
  const place = again(at);
  const recovered = await place.recover();
  expect(recovered.failure).toBeUndefined();
  if (place.inUse()?.name === at.next.name) return expectNew(at);
  expect(pictureOf(at.host.root, at)).toEqual(at.old);
  expectTidy(at.host);
  await place.activate(at.next);
  expectNew(at);
}

async function stepsOf(
  work: (at: Case) => Promise<unknown>,
  { syncs = false, ...options }: HostOptions & { readonly syncs?: boolean } = {},
): Promise<number> {
  const at = await atOld(options);
  const disk = watchDisk(() => undefined, { syncs });
  try {
    await work(at);
    return disk.count();
  } finally {
    disk.restore();
  }
}

const PLACES: [string, HostOptions, number][] = [
  ["on the target's file system", {}, 1],
  // There every step that is synced waits for a real disk.
  ...(hasTwoFileSystems
    ? [['on another file system than the target', { isApart: true }, 3] satisfies [string, HostOptions, number]]
    : []),
];

test.each(PLACES)(
  'killed at any step that changes the disk, an apply %s is undone exactly by the next run, or was final',
  async (_where, options, stride) => {
    const steps = await stepsOf(({ host, next }) => host.place.activate(next), options);
    expect(steps).toBeGreaterThan(50);
    const before = Object.keys(BEFORE).map((path) => path.replace(/\/$/, ''));
    for (let step = 1; step <= steps; step += stride) {
      const at = await atOld(options);
      expect(await killedAt(step, () => at.host.place.activate(at.next))).toBe(true);
      await expectRecovery(at);
      await at.host.place.withdraw();
      expect(Object.keys(pictureOf(at.host.root))).toEqual(['etc', ...before].sort());
    }
  },
);

test('the undoing itself may be killed at any step, twice, and the next run still brings everything back', async () => {
  const steps = await stepsOf(({ host, next }) => host.place.activate(next));
  let undoings = 0;
  for (let step = 3; step <= steps; step += 4) {
    for (let second = 1; ; second += 3) {
      const at = await atOld();
      await killedAt(step, () => at.host.place.activate(at.next));
      const wasKilled = await killedAt(second, () => again(at).recover());
      if (wasKilled) await killedAt(1 + ((second * 7) % 11), () => again(at).recover());
      await expectRecovery(at);
      undoings++;
      if (!wasKilled) break;
    }
  }
  expect(undoings).toBeGreaterThan(50);
});

/** The system refuses these steps. */
function refuse(code: string, isRefused: (step: number, name: string) => boolean): DiskSteps {
  return watchDisk(
    (step, name, path) => {
      if (!isRefused(step, name)) return;
      const where = typeof path === 'string' ? { path } : {};
      throw Object.assign(new Error(`${code}: refused`), { code, syscall: name.replace('Sync', ''), ...where });
    },
    { syncs: true },
  );
}

/** Activates the next release while steps are refused. Answers the failure; undefined where it worked all the same. */
async function activateRefused({ host, next }: Case, disk: DiskSteps): Promise<Failure | undefined> {
  try {
    await host.place.activate(next);
    return undefined;
  } catch (error) {
    const failure = systemFailure(error);
    if (failure === undefined) throw error;
    return failure;
  } finally {
    disk.restore();
  }
}

test.each(['ENOSPC', 'EPERM', 'EIO'])(
  'refused any step with %s, an apply is undone at once, with a clear error, or goes on',
  async (code) => {
    const steps = await stepsOf(({ host, next }) => host.place.activate(next), { syncs: true });
    let failures = 0;
    for (let step = 1; step <= steps; step++) {
      const at = await atOld();
      const failure = await activateRefused(
        at,
        refuse(code, (one) => one === step),
      );
      if (failure === undefined) {
        expect(sumsOf(at.host.root)).toMatchObject(expectedSums(at.next.entries));
        continue;
      }
      failures++;
      expect(failure.sentence).toMatch(/^(cannot \w+|.* is immutable)/);
      expect(failure.sentence).not.toContain('/proc/');
      if (at.host.place.inUse()?.name !== at.next.name) expect(pictureOf(at.host.root)).toEqual(at.old);
      await expectRecovery(at);
    }
    expect(failures).toBeGreaterThan(30);
  },
);

/** What takes space. A new directory may take that of one that was just removed. */
const TAKES_SPACE = new Set(['writeSync', 'openSync', 'linkSync', 'symlinkSync', 'copyFileSync', 'writeFileSync']);

test('a disk that is full from any step on leaves the tree as it was, at once, and the next run goes on when it is free', async () => {
  const steps = await stepsOf(({ host, next }) => host.place.activate(next), { syncs: true });
  for (let from = 1; from <= steps; from++) {
    const at = await atOld();
    const disk = refuse('ENOSPC', (step, name) => step >= from && TAKES_SPACE.has(name));
    const failure = await activateRefused(at, disk);
    if (failure === undefined) continue;
    expect(failure.sentence).toContain('no space is left');
    expect(pictureOf(at.host.root)).toEqual(at.old);
    expectTidy(at.host);
    await expectRecovery(at);
  }
});

test.each([
  ['writes into', (path: string) => writeFileSync(path, 'by hand')],
  ['replaces', (path: string) => renameSync(`${path}.new`, path)],
  ['removes', (path: string) => rmSync(path)],
])(
  'what somebody %s while files are being put into their places stops the run, and no content of theirs is lost',
  async (_what, edit) => {
    const at = await atOld();
    const motd = join(at.host.root, 'etc/motd');
    writeFileSync(`${motd}.new`, 'by hand');
    let isEdited = false;
    const disk = watchDisk((_step, name, path) => {
      if (isEdited || name !== 'renameSync' || !String(path).includes('.tagwave-')) return;
      isEdited = true;
      edit(motd);
    });
    const failure = await activateRefused(at, disk);
    expect(failure?.sentence).toContain('etc/motd was changed by somebody else while the release was put into use');
    const text = existsSync(motd) ? readFileSync(motd, 'utf8') : undefined;
    expect(['by hand', 'old motd\n']).toContain(text);
    const { 'etc/motd': _motd, 'etc/motd.new': _new, ...others } = pictureOf(at.host.root);
    const { 'etc/motd': _old, ...before } = at.old;
    expect(others).toEqual(before);
    rmSync(`${motd}.new`, { force: true });
    await at.host.place.activate(at.next);
    expectNew(at);
    const keptIn = join(at.host.target, 'kept');
    const names = existsSync(keptIn) ? readdirSync(keptIn) : [];
    const kept = names.map((name) => readFileSync(join(keptIn, name), 'utf8'));
    expect(kept.includes('by hand')).toBe(text === 'by hand');
  },
);

const PATHS = ['etc/added', 'etc/motd', 'etc/theirs'];

test('what somebody changes between the killed run and the next one is never lost', async () => {
  const steps = await stepsOf(({ host, next }) => host.place.activate(next));
  for (let step = 1; step <= steps; step += 3) {
    const at = await atOld();
    await killedAt(step, () => at.host.place.activate(at.next));
    for (const path of PATHS) plant(at.host.root, { [path]: `by hand: ${path}` });
    const recovered = await again(at).recover();
    expect(recovered.failure).toBeUndefined();
    await at.host.place.activate(at.next);
    expect(sumsOf(at.host.root)).toMatchObject(expectedSums(at.next.entries));
    const texts = [at.host.root, at.host.target].flatMap((root) => Object.values(pictureOf(root)));
    for (const path of PATHS) expect(texts.some((text) => text.endsWith(`by hand: ${path}`))).toBe(true);
  }
});
