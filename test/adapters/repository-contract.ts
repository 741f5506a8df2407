import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import type { Repository } from '../../server/ports/repository.ts';
import type { Files } from '../rig/git.ts';
import { recordOf, unwrap } from '../rig/records.ts';

/** A source that somebody changes, and the repository that follows it. */
export interface Following {
  readonly repository: Repository;
  /** Another one on the same state, as a second process has it. */
  open(): Repository;
  /** Puts files into the source; null takes one away. */
  put(files: Files): Promise<void>;
}

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);
const NOBODY = '0123456789012345678901234567890123456789' as ObjectId;

/** What the port promises, whatever the source is. */
export function repositoryContract(title: string, follow: () => Promise<Following>): void {
  describe(`${title}: what every repository does`, () => {
    test('before the first fetch there is no trunk, no tip, no history and no tag', async () => {
      const { repository } = await follow();
      expect(await repository.trunk()).toBeUndefined();
      expect(await repository.tipAt(at('09:00:00'))).toBeUndefined();
      expect(await repository.history(0)).toEqual([]);
      expect(await repository.tags()).toEqual({ records: [], unreadable: [] });
    });

    test('a fetch takes the tip, and the next one says what it was before', async () => {
      const { repository, put } = await follow();
      await put({ 'etc/motd': 'one\n' });
      const first = unwrap(await repository.fetch(at('08:00:00')));
      expect(first).toMatchObject({ previous: undefined, rewritten: false });
      await put({ 'etc/motd': 'two\n' });
      const second = unwrap(await repository.fetch(at('08:01:00')));
      expect(second).toMatchObject({ previous: first.tip.id, rewritten: false });
      expect(await repository.trunk()).toEqual({ commit: second.tip.id, tree: second.tip.tree, at: at('08:01:00') });
      expect(await repository.commitsBetween(first.tip.id, second.tip.id)).toBe(1);
      expect((await repository.history(0)).map((commit) => commit.id)).toEqual([second.tip.id, first.tip.id]);
    });

    test('a fetch of what is known already only moves the time at which it was seen', async () => {
      const { repository, put } = await follow();
      await put({ 'etc/motd': 'one\n' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      expect(unwrap(await repository.fetch(at('08:01:00')))).toEqual({ tip, previous: tip.id, rewritten: false });
      expect(await repository.trunk()).toMatchObject({ commit: tip.id, at: at('08:01:00') });
    });

    test('the tip at an instant is the last one fetched until then', async () => {
      const { repository, put } = await follow();
      await put({ a: '1' });
      const first = unwrap(await repository.fetch(at('08:30:00')));
      await put({ a: '2' });
      const second = unwrap(await repository.fetch(at('09:30:00')));
      expect(await repository.tipAt(at('08:29:59'))).toBeUndefined();
      expect(await repository.tipAt(at('09:00:00'))).toEqual({ commit: first.tip.id, at: at('08:30:00') });
      expect(await repository.tipAt(at('09:30:00'))).toEqual({ commit: second.tip.id, at: at('09:30:00') });
    });

    test('a commit is found by its id and by an unambiguous beginning of it, and nothing else is', async () => {
      const { repository, put } = await follow();
      await put({ a: '1' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      expect(await repository.commit(tip.id)).toEqual(tip);
      expect(await repository.commit(tip.id.slice(0, 8).toUpperCase())).toEqual(tip);
      for (const other of [NOBODY, tip.tree, 'HEAD', '--all', '', 'refs/tagwave/trunk', `${tip.id}~0`])
        expect(await repository.commit(other), other).toBeUndefined();
      expect(await repository.commitsBetween(NOBODY, tip.id)).toBeNull();
    });

    test('two tips are compared file by file, and one file line by line', async () => {
      const { repository, put } = await follow();
      await put({ 'etc/motd': 'one\ntwo\n', 'etc/old': 'goes\n', 'etc/same': 'stays\n' });
      const { tip: from } = unwrap(await repository.fetch(at('08:00:00')));
      await put({ 'etc/motd': 'one\n2\nthree\n', 'etc/old': null, 'etc/new': 'comes\nin\n' });
      const { tip: to } = unwrap(await repository.fetch(at('08:01:00')));
      const compared = await repository.compare(from.tree, to.tree);
      expect(compared).toEqual({
        counts: { added: 1, modified: 1, deleted: 1, renamed: 0, type: 0 },
        lines: { insertions: 4, deletions: 2 },
        files: [
          { path: 'etc/motd', oldPath: null, status: 'modified', insertions: 2, deletions: 1 },
          { path: 'etc/new', oldPath: null, status: 'added', insertions: 2, deletions: 0 },
          { path: 'etc/old', oldPath: null, status: 'deleted', insertions: 0, deletions: 1 },
        ],
      });
      expect(await repository.compare(from.id, to.id)).toEqual(compared);
      const patch = await repository.patch({ from: from.tree, to: to.tree, path: 'etc/motd', limitBytes: 10_000 });
      expect(patch.isCut).toBe(false);
      expect(patch.text).toContain('@@ -1,2 +1,3 @@\n one\n-two\n+2\n+three\n');
      const none = await repository.patch({ from: from.tree, to: to.tree, path: 'etc/same', limitBytes: 10_000 });
      expect(none).toEqual({ text: null, isCut: false });
      expect((await repository.compare(from.tree, from.tree)).files).toEqual([]);
      await expect(repository.compare(from.tree, NOBODY)).rejects.toThrow(NOBODY);
    });

    test('the files of a tree can be listed and read', async () => {
      const { repository, put } = await follow();
      await put({ 'etc/motd': 'hello\n', 'bin/run': { linkTo: '../etc/motd' }, tagstate: '# none\n' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      const entries = await repository.entries(tip.tree);
      expect(entries.map(({ path, mode }) => [path, mode])).toEqual([
        ['bin/run', '120000'],
        ['etc/motd', '100644'],
      ]);
      expect((await repository.file(tip.id, 'tagstate', 100))?.toString()).toBe('# none\n');
      expect(await repository.file(tip.tree, 'etc/none', 100)).toBeUndefined();
      await expect(repository.file(tip.tree, 'etc/motd', 5)).rejects.toThrow('6 bytes');
      for await (const { size } of repository.blobs([entries[1]?.blob ?? NOBODY])) expect(size).toBe(6);
    });

    test('a tag is created once, and read back as it was written, by every process', async () => {
      const { repository, open, put } = await follow();
      await put({ a: '1' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      const record = recordOf(tip, '2026-11-20T08', {
        subject: 'Ünï "quoted"\u0007\u2028 line',
        broken: 'why\nnot',
        commits: 3,
      });
      expect(await repository.createTag(record)).toBe('created');
      expect(await repository.createTag({ ...record, broken: null })).toBe('exists');
      expect(await open().createTag({ ...record, broken: null })).toBe('exists');
      expect(await repository.tags()).toEqual({ records: [record], unreadable: [] });
      expect(await open().tags()).toEqual({ records: [record], unreadable: [] });
    });

    test('tags are listed oldest first in whatever order they were made, and the signature moves with each', async () => {
      const { repository, put } = await follow();
      await put({ a: '1' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      const signatures = [repository.signature()];
      for (const hour of ['2026-11-20T09', '2026-11-20T07', '2026-11-20T08']) {
        await repository.createTag(recordOf(tip, hour));
        signatures.push(repository.signature());
      }
      const names = (await repository.tags()).records.map((record) => record.name);
      expect(names).toEqual([...names].sort());
      expect(names).toHaveLength(3);
      expect(new Set(signatures).size).toBe(4);
    });

    test('retired tags are gone from the list while their objects stay until garbage is collected', async () => {
      const { repository, put } = await follow();
      await put({ a: '1' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      const [kept, retired] = [recordOf(tip, '2026-11-20T08'), recordOf(tip, '2026-11-20T07')];
      await repository.createTag(kept);
      await repository.createTag(retired);
      await repository.retireTags([retired.name, recordOf(tip, '2020-01-01T00').name], at('10:00:00'));
      expect(await repository.tags()).toEqual({ records: [kept], unreadable: [] });
      await repository.collectGarbage(at('10:00:00'));
      await repository.collectGarbage(at('10:00:01'));
      expect(await repository.tags()).toEqual({ records: [kept], unreadable: [] });
      expect(await repository.trunk()).toMatchObject({ commit: tip.id });
    });

    test('a whole tree without a flaw has none, also seen from another sound tree', async () => {
      const { repository, put } = await follow();
      await put({ 'etc/motd': 'one\n', 'etc/link': { linkTo: '/nowhere' }, 'a b/ü': '' });
      const before = unwrap(await repository.fetch(at('08:00:00'))).tip.tree;
      await put({ 'etc/motd': 'two\n' });
      const after = unwrap(await repository.fetch(at('09:00:00'))).tip.tree;
      expect(await repository.flawOf(before)).toBeNull();
      expect(await repository.flawOf(after, before)).toBeNull();
      expect(await repository.flawOf(after, after)).toBeNull();
      await put({ 'deploy.yml': { linkTo: 'other.yml' } });
      const flawed = unwrap(await repository.fetch(at('10:00:00'))).tip.tree;
      expect(await repository.flawOf(flawed)).toContain('deploy.yml is no regular file');
      expect(await repository.flawOf(flawed, after)).toContain('deploy.yml is no regular file');
    });

    test('preparing again, and by a second process, changes nothing', async () => {
      const { repository, open, put } = await follow();
      await put({ a: '1' });
      const { tip } = unwrap(await repository.fetch(at('08:00:00')));
      await repository.createTag(recordOf(tip, '2026-11-20T08'));
      const before = await repository.tags();
      await repository.prepare();
      const other = open();
      await other.prepare();
      expect(await other.tags()).toEqual(before);
      expect(await other.trunk()).toEqual(await repository.trunk());
    });
  });
}
