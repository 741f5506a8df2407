import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { DriftFound, ReleaseInUse } from '../../../client/core/place.ts';
import { runClient } from '../run-client.ts';
import { giveTo, type HostTree, hasTwoFileSystems, hostTree, pictureOf, plant, type Specs } from './host-tree.ts';

const FILES: Specs = {
  'etc/motd': 'hello\nworld\n',
  'etc/secret': { text: 'password\n', perm: '0600' },
  'etc/data': 'a\0b',
  'etc/link': { link: 'motd' },
};

const isRoot = process.getuid?.() === 0;

async function hostOn(files: Specs): Promise<{ host: HostTree; release: ReleaseInUse }> {
  const host = hostTree();
  const release = host.staged(files);
  await host.place.activate(release);
  return { host, release: { ...release, entries: () => release.entries } };
}

function drift({ place }: HostTree, release: ReleaseInUse, { thorough = false } = {}): Promise<DriftFound> {
  return place.drift(release, { thorough, remembers: true, signal: new AbortController().signal });
}

async function repair(host: HostTree, release: ReleaseInUse): Promise<string[]> {
  const found = await drift(host, release);
  const kept = await host.place.repair(release, found === 'unknown' ? [] : found);
  if (kept === 'stage') throw new Error('no repair');
  return kept.map(({ sentence }) => sentence);
}

function keptIn({ target }: HostTree): string[] {
  const kept = join(target, 'kept');
  return existsSync(kept) ? readdirSync(kept).map((name) => readFileSync(join(kept, name), 'utf8')) : [];
}

describe('what somebody changed by hand', () => {
  test('is told with its difference and where a copy is kept, and taken back', async () => {
    const { host, release } = await hostOn(FILES);
    plant(host.root, { 'etc/motd': 'hello\nthere\n' });
    const [told = ''] = await repair(host, release);
    expect(told).toContain(`${host.root}/etc/motd was changed by somebody (content)`);
    expect(told).toContain('-world\n+there');
    expect(told).toContain(`a copy is kept as ${host.target}/kept/`);
    expect(keptIn(host)).toEqual(['hello\nthere\n']);
    expect(readFileSync(join(host.root, 'etc/motd'), 'utf8')).toBe('hello\nworld\n');
    expect(await drift(host, release)).toEqual([]);
  });

  test('is told without its difference where not everybody may read it, and by its size where it is no text', async () => {
    const { host, release } = await hostOn(FILES);
    writeFileSync(join(host.root, 'etc/secret'), 'changed\n');
    writeFileSync(join(host.root, 'etc/data'), 'a\0bc');
    const told = (await repair(host, release)).join('\n');
    expect(told).toContain('etc/secret');
    expect(told).not.toMatch(/password|changed\n/);
    expect(told).toContain('a binary file of 3 bytes → a binary file of 4 bytes');
    expect(keptIn(host).sort()).toEqual(['a\0bc', 'changed\n']);
    expect(statSync(join(host.target, 'kept')).mode & 0o777).toBe(0o700);
  });

  test('is kept when a release comes that changes the file, and when one comes that no longer has it', async () => {
    const { host } = await hostOn(FILES);
    plant(host.root, { 'etc/motd': 'first edit\n' });
    const told = await host.use({ ...FILES, 'etc/motd': 'second release\n' });
    expect(told.join('\n')).toContain('+first edit');
    plant(host.root, { 'etc/motd': 'second edit\n' });
    const { 'etc/motd': _gone, ...others } = FILES;
    expect((await host.use(others)).join('\n')).toContain('it is no longer part of the release, and a copy is kept');
    expect(keptIn(host).sort()).toEqual(['first edit\n', 'second edit\n']);
    expect(existsSync(join(host.root, 'etc/motd'))).toBe(false);
  });

  test('is nobody’s business where it is what the next release has anyway', async () => {
    const { host } = await hostOn(FILES);
    plant(host.root, { 'etc/motd': 'a hot fix\n' });
    const { ino } = lstatSync(join(host.root, 'etc/motd'));
    expect(await host.use({ ...FILES, 'etc/motd': 'a hot fix\n' })).toEqual([]);
    expect(lstatSync(join(host.root, 'etc/motd')).ino).toBe(ino);
    expect(keptIn(host)).toEqual([]);
  });

  test('is found also where size and time were put back', async () => {
    const { host, release } = await hostOn(FILES);
    expect(await drift(host, release)).toEqual([]);
    const motd = join(host.root, 'etc/motd');
    const { atime, mtime } = statSync(motd);
    writeFileSync(motd, 'HELLO\nworld\n');
    utimesSync(motd, atime, mtime);
    expect(await drift(host, release)).toEqual([{ path: 'etc/motd', how: ['content'] }]);
  });

  test('is found in mode, owner, type and absence', async () => {
    const { host, release } = await hostOn({ ...FILES, 'etc/deep/file': 'x' });
    chmodSync(join(host.root, 'etc/motd'), 0o666);
    giveTo(host.root, ['etc/data'], 4711);
    rmSync(join(host.root, 'etc/secret'));
    rmSync(join(host.root, 'etc/link'));
    mkdirSync(join(host.root, 'etc/link'));
    rmSync(join(host.root, 'etc/deep'), { recursive: true });
    expect(await drift(host, release, { thorough: true })).toEqual([
      ...(isRoot ? [{ path: 'etc/data', how: ['owner'] }] : []),
      { path: 'etc/deep/file', how: ['missing'] },
      { path: 'etc/link', how: ['type'] },
      { path: 'etc/motd', how: ['mode'] },
      { path: 'etc/secret', how: ['missing'] },
    ]);
    await repair(host, release);
    expect(await drift(host, release, { thorough: true })).toEqual([]);
    expect(keptIn(host)).toEqual([]);
  });

  test('of the staged release is not put onto the tree: it takes another copy', async () => {
    const { host, release } = await hostOn(FILES);
    plant(host.root, { 'etc/motd': 'changed here\n' });
    plant(release.directory, { 'etc/motd': 'and changed there\n' });
    const found = await drift(host, release);
    const before = pictureOf(host.root);
    expect(await host.place.repair(release, found === 'unknown' ? [] : found)).toBe('stage');
    expect(pictureOf(host.root)).toEqual(before);
  });

  test('is kept once, however often it is met, and the oldest copies give way to new ones', async () => {
    const { host, release } = await hostOn(FILES);
    for (let round = 0; round < 3; round++) {
      plant(host.root, { 'etc/motd': 'the same edit\n' });
      await repair(host, release);
    }
    expect(keptIn(host)).toEqual(['the same edit\n']);
    for (let round = 0; round < 210; round++) {
      plant(host.root, { 'etc/motd': `edit ${round}\n` });
      await repair(host, release);
    }
    expect(keptIn(host)).toHaveLength(200);
    expect(keptIn(host)).toContain('edit 209\n');
  });
});

describe('what stood there before', () => {
  test.each([
    ['by a second name', false],
    ...(hasTwoFileSystems ? [['by a copy', true] satisfies [string, boolean]] : []),
  ])('comes back with content, mode, owner and time when the file leaves the view, kept %s', async (_how, isApart) => {
    const host = hostTree({ isApart });
    plant(host.root, { 'etc/motd': { text: 'the original\n', perm: '0640' }, 'etc/link': { link: '/nowhere' } });
    giveTo(host.root, ['etc/motd', 'etc/link'], 4711);
    utimesSync(join(host.root, 'etc/motd'), 1_600_000_000, 1_600_000_000);
    const before = pictureOf(host.root);
    const told = await host.use(FILES);
    expect(told).toHaveLength(1);
    expect(told[0]).toContain(
      `${host.root}/etc/link, ${host.root}/etc/motd are replaced; what was there before is kept in`,
    );
    expect(await host.use({ ...FILES, 'etc/motd': 'another\n' })).toEqual([]);
    await host.use({});
    expect(pictureOf(host.root)).toEqual(before);
    expect(readdirSync(join(host.target, 'originals'))).toEqual([]);
  });

  test('comes back also where the file was the same as the release has it', async () => {
    const host = hostTree();
    plant(host.root, { 'etc/motd': 'hello\nworld\n' });
    const before = pictureOf(host.root);
    await host.use(FILES);
    await host.use({});
    expect(pictureOf(host.root)).toEqual(before);
  });

  test('waits while a file of the view stands where its directory was', async () => {
    const host = hostTree();
    plant(host.root, { 'etc/app/conf': 'the original\n' });
    chmodSync(join(host.root, 'etc/app'), 0o750);
    const before = pictureOf(host.root);
    await host.use({ 'etc/app/conf': 'replaced\n' });
    await host.use({ 'etc/app': 'now a file\n' });
    await host.use({ other: 'x' });
    expect({ ...pictureOf(host.root), other: undefined }).toEqual({ ...before, other: undefined });
  });
});

describe('before anything is touched, a run says that', () => {
  async function expectObstacle(host: HostTree, files: Specs, sentence: RegExp): Promise<void> {
    const before = pictureOf(host.root);
    const release = host.staged(files);
    const obstacle = await host.place.obstacle(release);
    expect(obstacle?.sentence).toMatch(sentence);
    expect(obstacle?.hint).toBeTruthy();
    await expect(host.place.activate(release)).rejects.toThrow(sentence);
    expect(pictureOf(host.root)).toEqual(before);
    expect(host.place.inUse()).toBeUndefined();
  }

  test('a directory is a link, and where it points', async () => {
    const host = hostTree();
    mkdirSync(join(host.root, 'srv'));
    symlinkSync('srv', join(host.root, 'etc'));
    await expectObstacle(host, FILES, /etc is a symbolic link to "srv"/);
    expect(readdirSync(join(host.root, 'srv'))).toEqual([]);
  });

  test('a directory with somebody’s files is where a file is to be', async () => {
    const host = hostTree();
    plant(host.root, { 'etc/motd/theirs': 'x' });
    await expectObstacle(host, FILES, /etc\/motd is a directory with ".*\/etc\/motd\/theirs", which is not Tagwave's/);
  });

  test('a named pipe is where a file is to be', async () => {
    const host = hostTree();
    mkdirSync(join(host.root, 'etc'));
    execFileSync('mkfifo', [join(host.root, 'etc/motd')]);
    await expectObstacle(host, FILES, /etc\/motd is a named pipe/);
  });

  test('the view has something where Tagwave keeps its own', async () => {
    const host = hostTree();
    const inside = hostTree({ directory: join(host.root, 'var') });
    expect(inside.target).toBe(join(host.root, 'var/target'));
    const place = (await import('../../../client/adapters/open-place.ts')).openPlace(inside.layout, host.root);
    const obstacle = await place.obstacle(inside.staged({ 'var/target/state.json': '{}' }));
    expect(obstacle?.sentence).toContain('where Tagwave keeps its own files');
  });

  test.skipIf(!isRoot)('an owner is one that this host does not know (skipped unless root)', async () => {
    const host = hostTree();
    const release = host.staged(FILES);
    const entries = release.entries.map((entry) => ({ ...entry, owner: 'nobody-of-this-name' }));
    await expect(host.place.activate({ ...release, entries })).rejects.toThrow('nobody-of-this-name');
    expect(pictureOf(host.root)).toEqual({});
  });

  test('a file that was replaced by a directory with files is not touched, also in a repair', async () => {
    const { host, release } = await hostOn(FILES);
    rmSync(join(host.root, 'etc/motd'));
    plant(host.root, { 'etc/motd/theirs': 'x' });
    expect(await drift(host, release)).toEqual([{ path: 'etc/motd', how: ['type'] }]);
    await expect(repair(host, release)).rejects.toThrow('is a directory with');
    expect(readFileSync(join(host.root, 'etc/motd/theirs'), 'utf8')).toBe('x');
  });

  test('a directory became a link since: what is behind it is neither read nor written', async () => {
    const { host, release } = await hostOn(FILES);
    renameSync(join(host.root, 'etc'), join(host.root, 'moved'));
    symlinkSync('moved', join(host.root, 'etc'));
    const before = pictureOf(join(host.root, 'moved'));
    expect(await drift(host, release)).toHaveLength(4);
    await expect(repair(host, release)).rejects.toThrow('is a symbolic link to "moved"');
    await host.place.withdraw();
    expect(pictureOf(join(host.root, 'moved'))).toEqual(before);
  });
});

function whyNoImmutable(directory: string): string | undefined {
  const probe = join(directory, 'probe');
  writeFileSync(probe, '');
  try {
    execFileSync('chattr', ['+i', probe], { stdio: 'ignore' });
    execFileSync('chattr', ['-i', probe]);
    return undefined;
  } catch {
    return 'chattr +i does nothing here';
  } finally {
    rmSync(probe);
  }
}

test('an immutable file is told as one, and the tree stays as it was', async (context) => {
  const host = hostTree();
  await host.use(FILES);
  const reason = whyNoImmutable(host.root);
  if (reason !== undefined) return context.skip(reason);
  const before = pictureOf(host.root);
  const files = { ...FILES, 'etc/data': 'changed', 'etc/motd': 'changed\n' };
  for (const [what, options] of [
    ['etc/motd', 'i'],
    ['etc/motd', 'a'],
    ['etc', 'i'],
    ['etc', 'a'],
  ] as const) {
    execFileSync('chattr', [`+${options}`, join(host.root, what)]);
    try {
      const failed = await host.place.activate(host.staged(files)).catch((error: unknown) => error);
      expect(String(failed)).toContain(what);
      expect(JSON.stringify(failed)).toContain('chattr');
    } finally {
      execFileSync('chattr', [`-${options}`, join(host.root, what)]);
    }
    // Nothing can be taken out of a directory to which things can only be added, not even what was written just now.
    if (what === 'etc') expect((await host.place.recover()).failure).toBeUndefined();
    expect(pictureOf(host.root)).toEqual(before);
  }
  await host.use(files);
});

describe('tagwave restore', () => {
  test('lists what is kept, and puts one original back at once', async () => {
    const host = hostTree();
    plant(host.root, { 'etc/motd': { text: 'the original\n', perm: '0640' } });
    const [, ...picture] = Object.values(pictureOf(host.root, { times: false }));
    await host.use(FILES);
    const listed = await runClient(['restore', '--list', '--target', host.target]);
    expect(listed.stdout).toMatch(/^file +0640 .* since .* etc\/motd\n$/);
    const path = join(host.root, 'etc/motd');
    const restored = await runClient(['restore', path, '--target', host.target]);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toContain('etc/motd is what it was before Tagwave replaced it at');
    expect(restored.stdout).toContain('the next run puts its file there again');
    expect(Object.values(pictureOf(host.root, { times: false }))).toEqual(expect.arrayContaining(picture));
    writeFileSync(path, 'edited in place');
    await host.use({});
    expect(readFileSync(path, 'utf8')).toBe('the original\n');
  });

  test('keeps what somebody made of the file in between', async () => {
    const host = hostTree();
    plant(host.root, { 'etc/motd': 'the original\n' });
    await host.use(FILES);
    plant(host.root, { 'etc/motd': 'an edit\n' });
    const restored = await runClient(['restore', 'etc/motd', '--target', host.target, '--json']);
    expect(JSON.parse(restored.stdout)).toMatchObject({ outcome: 'restored', isOfRelease: true });
    expect(keptIn(host)).toEqual(['an edit\n']);
    expect(readFileSync(join(host.root, 'etc/motd'), 'utf8')).toBe('the original\n');
  });

  test.each([
    [['etc/data'], 1, 'there is no original of'],
    [['../outside'], 2, 'is not below'],
    [[], 2, 'no path is given'],
  ])('of %j says why it cannot', async (words, code, sentence) => {
    const { host } = await hostOn(FILES);
    const before = pictureOf(host.root);
    const ended = await runClient(['restore', ...words, '--target', host.target]);
    expect(ended).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(sentence) });
    expect(pictureOf(host.root)).toEqual(before);
  });

  test('on a target that is of no tree says so', async () => {
    const { target } = hostTree();
    const ended = await runClient(['restore', '/etc/motd', '--target', target]);
    expect(ended.stderr).toContain('never put anything onto a tree');
    expect((await runClient(['restore', '--list', '--target', target])).stdout).toContain('nothing is kept');
  });
});
