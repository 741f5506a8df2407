import { copyFile, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openStoreApart } from '../../server/adapters/sqlite/apart.ts';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import type { Store } from '../../server/ports/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { event, host, poll, report } from './store-samples.ts';

const GARBAGE = 'this is no database\n'.repeat(2000);

type Open = (file: string) => Promise<Store>;

const WAYS: [string, Open][] = [
  ['a store in this thread', openStore],
  ['a store in a thread of its own', openStoreApart],
];

async function startedBy(open: Open): Promise<{ file: string; directory: string; store: Store }> {
  const directory = join(await disposableDirectory(), 'state');
  await mkdir(directory);
  const file = join(directory, 'history.sqlite');
  const store = await open(file);
  onTestFinished(() => store.close());
  await store.recordPolls([poll('before', 0)]);
  return { file, directory, store };
}

const names = async (store: Store) => (await store.nodes()).map((node) => node.hostname);

/** What a process that comes later finds in the file. */
async function namesIn(file: string): Promise<string[]> {
  const store = await openStore(file);
  const found = await names(store);
  await store.close();
  return found;
}

/** A file system of its own, of 2 MiB; undefined, with the reason, where none can be mounted. */
async function smallDisk(): Promise<{ directory: string } | { why: string }> {
  const directory = join(await disposableDirectory(), 'small');
  await mkdir(directory);
  const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', directory], { reject: false });
  if (mounted.failed) return { why: `no file system can be mounted here: ${mounted.shortMessage}` };
  onTestFinished(() => execa('umount', ['-l', directory]).then(() => undefined));
  return { directory };
}

describe.each(WAYS)('%s', (_way, open) => {
  const started = () => startedBy(open);

  describe('a file that is deleted while it is open', () => {
    test.each([
      ['the file', ['']],
      ['the file and its log', ['', '-wal', '-shm']],
      ['the log', ['-wal', '-shm']],
    ])('%s: the next call goes on in what is found by others', async (_, ends) => {
      const { file, store } = await started();
      for (const end of ends) await rm(`${file}${end}`);
      await store.recordPolls([poll('after', 60)]);
      expect(await names(store)).toContain(host('after'));
      expect(await namesIn(file)).toContain(host('after'));
      expect(store.trouble()).toBeNull();
    });

    test('reading right after finds an empty store', async () => {
      const { file, store } = await started();
      await rm(file);
      expect(await names(store)).toEqual([]);
    });

    test('ids of events go on, so that whoever follows them misses none', async () => {
      const { file, store } = await started();
      const [last] = await store.addEvents([event(1)]);
      await rm(file);
      await store.addEvents([event(2)]);
      const next = await store.events({ afterId: last?.id ?? 0, limit: 10 });
      expect(next.map((stored) => stored.summary)).toEqual(['at 2']);
    });

    test('its directory too: it is made again', async () => {
      const { directory, store } = await started();
      await rm(directory, { recursive: true });
      await store.recordPolls([poll('after', 60)]);
      expect(await names(store)).toEqual([host('after')]);
    });

    test('while the directory above is missing, calls reject and say so, and later ones go on', async () => {
      const { directory, store } = await started();
      const above = join(directory, '..');
      await rename(above, `${above}.away`);
      onTestFinished(() => rm(`${above}.away`, { recursive: true, force: true }));
      await expect(store.recordPolls([poll('after', 60)])).rejects.toMatchObject({
        name: 'StoreError',
        code: 'unusable',
      });
      await expect(store.nodes()).rejects.toThrow(directory);
      expect(store.trouble()).toContain('history is not recorded');
      await rename(`${above}.away`, above);
      await store.recordPolls([poll('after', 120)]);
      expect(await names(store)).toEqual([host('after'), host('before')]);
      expect(store.trouble()).toBeNull();
    });
  });

  describe('a file that is replaced while it is open', () => {
    test('by a backup: the backup is used as it is, and not what the old log holds', async () => {
      const { file, store } = await started();
      const backup = await started();
      await backup.store.recordPolls([poll('from-backup', 0)]);
      await backup.store.close();
      await copyFile(backup.file, `${file}.new`);
      await rename(`${file}.new`, file);
      expect(await names(store)).toEqual([host('before'), host('from-backup')]);
      await store.recordPolls([poll('after', 60)]);
      expect(await namesIn(file)).toEqual([host('after'), host('before'), host('from-backup')]);
      expect(new Database(file, { readonly: true }).pragma('integrity_check', { simple: true })).toBe('ok');
    });

    test('being moved away, it takes along what was recorded', async () => {
      const { file, store } = await started();
      await rename(file, `${file}.moved`);
      await store.recordPolls([poll('after', 60)]);
      expect(await names(store)).toEqual([host('after')]);
      expect(await namesIn(`${file}.moved`)).toEqual([host('before')]);
    });
  });

  describe('a damaged file', () => {
    const aside = async (directory: string) =>
      (await readdir(directory)).filter((name) => /\.corrupt-\d{8}T\d{6}Z(\.\d)?$/.test(name));

    test('is set aside when the store is opened, and told until it is removed', async () => {
      const directory = await disposableDirectory();
      const file = join(directory, 'history.sqlite');
      await writeFile(file, GARBAGE);
      const store = await open(file);
      onTestFinished(() => store.close());
      await store.recordPolls([poll('after', 0)]);
      const [name = ''] = await aside(directory);
      expect(store.trouble()).toContain(join(directory, name));
      await rm(join(directory, name));
      expect(store.trouble()).toBeNull();
    });

    /** With enough in it to be found damaged, and all of it in the file, not in the log. */
    async function full() {
      const { file, directory, store } = await started();
      await store.recordPolls(Array.from({ length: 1500 }, (_, index) => poll(`web${index}`, index)));
      const other = new Database(file);
      other.pragma('wal_checkpoint(truncate)');
      other.close();
      return { file, directory, store };
    }

    /** By another process, as a careless copy does: the file stays the same one. */
    async function overwrite(file: string): Promise<void> {
      await writeFile(`${file}.garbage`, GARBAGE);
      await execa('cp', [`${file}.garbage`, file]);
    }

    test('that is overwritten in place while it is open is set aside, and a new one begun', async () => {
      const { file, directory, store } = await full();
      await overwrite(file);
      await store.recordPolls([poll('after', 60)]);
      expect(await names(store)).toEqual([host('after')]);
      expect(await aside(directory)).toHaveLength(1);
      expect(await namesIn(file)).toEqual([host('after')]);
    });

    test('is noticed by reading as well, and a second one is set aside beside the first', async () => {
      const { file, directory, store } = await full();
      await overwrite(file);
      expect(await names(store)).toEqual([]);
      expect(store.trouble()).toContain('was damaged');
      await store.close();
      await overwrite(file);
      expect(await namesIn(file)).toEqual([]);
      expect(await aside(directory)).toHaveLength(2);
    });

    test('that can be opened, and is found damaged only when it is used, is set aside then', async () => {
      const { file, directory, store } = await full();
      await store.close();
      await execa('dd', ['if=/dev/urandom', `of=${file}`, 'bs=4096', 'seek=40', 'count=200', 'conv=notrunc']);
      const later = await open(file);
      onTestFinished(() => later.close());
      expect(later.trouble()).toBeNull();
      expect(await names(later)).toEqual([]);
      expect(later.trouble()).toContain('was damaged');
      expect(await aside(directory)).toHaveLength(1);
    });

    test('that is emptied in place while it is open does not stop the store', async () => {
      const { file, store } = await full();
      await execa('truncate', ['--size=0', file]);
      await store.recordPolls([poll('after', 60)]);
      expect(await names(store)).toContain(host('after'));
      expect(await namesIn(file)).toContain(host('after'));
    });
  });

  test('a disk that is read-only at the start is trouble until it can be written', async ({ skip }) => {
    const disk = await smallDisk();
    if ('why' in disk) return skip(disk.why);
    const remount = (how: string) => execa('mount', ['-o', `remount,${how}`, disk.directory]);
    await remount('ro');
    const store = await open(join(disk.directory, 'history.sqlite'));
    onTestFinished(() => store.close());
    expect(store.trouble()).toContain('history is not recorded');
    await expect(store.checkWritable()).rejects.toMatchObject({ name: 'StoreError' });
    await remount('rw');
    await store.recordPolls([poll('after', 0)]);
    expect(await names(store)).toEqual([host('after')]);
    expect(store.trouble()).toBeNull();
    await store.close();
    await remount('ro');
    const reopened = await open(join(disk.directory, 'history.sqlite'));
    onTestFinished(() => reopened.close());
    await expect(reopened.recordPolls([poll('later', 0)])).rejects.toMatchObject({ name: 'StoreError' });
    await remount('rw');
    await reopened.recordPolls([poll('later', 0)]);
    expect(await names(reopened)).toEqual([host('after'), host('later')]);
  });

  test('a full disk makes calls reject and say so; what was stored stays, and with space they go on', async ({
    skip,
  }) => {
    const disk = await smallDisk();
    if ('why' in disk) return skip(disk.why);
    const { directory } = disk;
    await writeFile(join(directory, 'ballast'), Buffer.alloc(512 * 1024));
    const store = await open(join(directory, 'history.sqlite'));
    onTestFinished(() => store.close());
    await store.recordReport(host('web1'), report('run-00000001'), { at: 0 });
    const big = event(0, { after: 'x'.repeat(100_000) });
    const filled = Array.from({ length: 40 }, () => () => store.addEvents([big]));
    const fill = async () => {
      for (const one of filled) await one();
    };
    await expect(fill()).rejects.toMatchObject({ name: 'StoreError', code: 'full' });
    expect(store.trouble()).toContain('is full');
    await rm(join(directory, 'ballast'));
    await store.checkWritable();
    expect(store.trouble()).toBeNull();
    expect(await store.reports(host('web1'), 10)).toHaveLength(1);
  });
});
