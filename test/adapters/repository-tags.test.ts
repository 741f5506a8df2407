import { existsSync, readdirSync } from 'node:fs';
import { chmod, mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { lock } from '../../server/adapters/lock.ts';
import { gitEnvironment, preparedRepository, sourceRepository } from '../rig/git.ts';
import { recordOf, unwrap } from '../rig/records.ts';
import { until } from '../rig/until.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);
const WORKER = join(import.meta.dirname, '../rig/repository-worker.ts');

async function taggable() {
  const source = await sourceRepository();
  await source.commit({ a: '1' });
  const made = await preparedRepository({ kind: 'directory', path: source.directory, update: null });
  const { tip } = unwrap(await made.repository.fetch(at('08:00:00')));
  const gitDir = join(made.stateDir, 'repository.git');
  const git = async (args: readonly string[], input = '') =>
    (await execa('git', [...args], { env: { ...gitEnvironment(), GIT_DIR: gitDir }, input })).stdout.trim();
  return { ...made, source, tip, gitDir, git };
}

function worker(args: readonly string[]) {
  const child = execa('node', ['--import', 'tsx', WORKER, ...args], { reject: false, buffer: true, cleanup: true });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let seen = '';
  child.stdout.on('data', (chunk: Buffer) => {
    seen += chunk.toString();
  });
  return { child, output: () => seen };
}

describe('tags in git', () => {
  test('of processes that race to make one tag exactly one makes it, and all read the same', async () => {
    const { stateDir, source, repository } = await taggable();
    const authors = ['One <1@x>', 'Two <2@x>', 'Three <3@x>'];
    const racers = authors.map((author) => worker(['tag', stateDir, source.directory, '2026-11-20T08', author]));
    for (const { output } of racers) await until('a racer', () => output().includes('ready') || undefined);
    for (const { child } of racers) child.stdin.write('go\n');
    const results = await Promise.all(racers.map(({ child }) => child));
    const answers = results.map(({ stdout }) => JSON.parse(stdout.split('\n').at(-1) ?? ''));
    expect(answers.map(({ outcome }) => outcome).sort()).toEqual(['created', 'exists', 'exists']);
    const winner = authors[answers.findIndex(({ outcome }) => outcome === 'created')];
    for (const answer of answers) expect(answer.authors).toEqual([winner]);
    expect((await repository.tags()).records.map((record) => record.author)).toEqual([winner]);
  });

  test('of twenty calls at once in one process exactly one makes the tag', async () => {
    const { repository, tip } = await taggable();
    const calls = Array.from({ length: 20 }, () => repository.createTag(recordOf(tip, '2026-11-20T08')));
    expect((await Promise.all(calls)).filter((outcome) => outcome === 'created')).toHaveLength(1);
  });

  test('a process killed at any moment leaves no half tag, no lost tag and nothing that blocks the next', async () => {
    const { stateDir, source, repository, gitDir, git } = await taggable();
    const [made, retired] = [new Set<string>(), new Set<string>()];
    for (let round = 0; round < 5; round++) {
      const { child, output } = worker(['loop', stateDir, source.directory]);
      const wanted = 1 + (round % 3);
      await until(
        'tags to be made',
        () => output().split('\n').length > wanted + 1 || child.exitCode !== null || undefined,
      );
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
      child.kill('SIGKILL');
      const { stdout, stderr } = await child;
      expect(stderr).toBe('');
      for (const [, name = ''] of stdout.matchAll(/^made (\S+)/gm)) made.add(name);
      for (const [, name = ''] of stdout.matchAll(/^retired (\S+)/gm)) retired.add(name);
      await repository.prepare();
      const { records, unreadable } = await repository.tags();
      expect(unreadable).toEqual([]);
      const names = new Set<string>(records.map((record) => record.name));
      // The last one of a round may have been retired without a word.
      const lost = [...made].filter((name) => !names.has(name) && !retired.has(name));
      expect(lost.length, lost.join()).toBeLessThanOrEqual(round + 1);
      for (const name of lost) expect(await git(['for-each-ref', `refs/tagwave/retired/${name}`]), name).not.toBe('');
      for (const name of lost) retired.add(name);
    }
    expect(made.size).toBeGreaterThan(5);
    const { tip } = unwrap(await repository.fetch(at('23:00:00')));
    expect(await repository.createTag(recordOf(tip, '2027-01-01T00'))).toBe('created');
    expect(locksBelow(gitDir)).toEqual([]);
    await git(['fsck', '--strict']);
  }, 120_000);

  test('files that a killed git left locked do not block, nor do its half-written objects stay', async () => {
    const { repository, gitDir, tip, source, stateDir } = await taggable();
    const blocking = [
      'refs/tagwave/trunk.lock',
      'refs/tagwave/tags/etchautotag-20261120-0800.lock',
      'packed-refs.lock',
      'config.lock',
      'HEAD.lock',
      'index.lock',
      'shallow.lock',
      'gc.pid',
    ];
    const leave = async () => {
      await mkdir(join(gitDir, 'refs/tagwave/tags'), { recursive: true });
      for (const name of blocking) await writeFile(join(gitDir, name), '');
      await mkdir(join(gitDir, 'objects/pack'), { recursive: true });
      await writeFile(join(gitDir, 'objects/pack/tmp_pack_x'), 'half');
    };
    await leave();
    expect(await repository.createTag(recordOf(tip, '2026-11-20T08'))).toBe('created');
    await leave();
    await source.commit({ a: '2' });
    unwrap(await repository.fetch(at('09:00:00')));
    expect(existsSync(join(gitDir, 'objects/pack/tmp_pack_x'))).toBe(false);
    await leave();
    await repository.collectGarbage(at('09:00:00'));
    await leave();
    const { repository: next } = await preparedRepository(
      { kind: 'directory', path: source.directory, update: null },
      { stateDir },
    );
    expect(locksBelow(gitDir)).toEqual([]);
    expect((await next.tags()).records).toHaveLength(1);
  });

  test('a lock file is left alone while somebody living holds the repository', async () => {
    const { repository, gitDir, stateDir, tip } = await taggable();
    const held = unwrap(await lock(join(stateDir, 'repository.lock'), { waitMs: 0 }));
    await writeFile(join(gitDir, 'packed-refs.lock'), '');
    const creation = repository.createTag(recordOf(tip, '2026-11-20T08'));
    const refused = await lock(join(stateDir, 'repository.lock'), { waitMs: 100 });
    expect(refused).toMatchObject({ ok: false, sentence: expect.stringContaining(`process ${process.pid}`) });
    expect(existsSync(join(gitDir, 'packed-refs.lock'))).toBe(true);
    held.release();
    expect(await creation).toBe('created');
    expect(existsSync(join(gitDir, 'packed-refs.lock'))).toBe(false);
  });

  test('tags that cannot be read are named with the reason, and the others are there', async () => {
    const { repository, gitDir, git, tip } = await taggable();
    const good = recordOf(tip, '2026-11-20T08');
    await repository.createTag(good);
    const object = await git(['rev-parse', `refs/tagwave/tags/${good.name}`]);
    const mktag = (message: string, name = 'x') =>
      git(['mktag'], `object ${tip.id}\ntype commit\ntag ${name}\ntagger T <t@x> 1 +0000\n\n${message}\n`);
    const refs: Record<string, string> = {
      'etchautotag-20261120-0100': object,
      'etchautotag-20261120-0200': tip.id,
      'etchautotag-20261120-0300': await mktag('no record'),
      'etchautotag-20261120-0400': await mktag(
        JSON.stringify({ ...recordOf(tip, '2026-11-20T04'), origin: 'elsewhere' }),
      ),
      'etchautotag-20261120-0500': await mktag(JSON.stringify({ ...recordOf(tip, '2026-11-20T05'), commit: tip.tree })),
      'etchautotag-20261120-0600': await mktag(JSON.stringify(recordOf(tip, '2026-11-20T06'))),
      yesterday: await mktag(JSON.stringify(recordOf(tip, '2026-11-20T06')), 'y'),
    };
    for (const [name, id] of Object.entries(refs)) await git(['update-ref', `refs/tagwave/tags/${name}`, id]);
    const damaged = refs['etchautotag-20261120-0600'] ?? '';
    const path = join(gitDir, 'objects', damaged.slice(0, 2), damaged.slice(2));
    await chmod(path, 0o644);
    await writeFile(path, 'garbage');
    await writeFile(join(gitDir, 'refs/tagwave/tags/etchautotag-20261120-0700'), '');
    const { records, unreadable } = await repository.tags();
    expect(records).toEqual([good]);
    expect(Object.fromEntries(unreadable.map(({ tag, why }) => [tag, why]))).toEqual({
      'etchautotag-20261120-0100': 'it holds the record of etchautotag-20261120-0800',
      'etchautotag-20261120-0200': 'its object cannot be read',
      'etchautotag-20261120-0300': 'its record is not valid: its message is not a record',
      'etchautotag-20261120-0400': expect.stringContaining('its record is not valid: origin'),
      'etchautotag-20261120-0500': 'its record names another commit than the tag',
      'etchautotag-20261120-0600': 'its object cannot be read',
      'etchautotag-20261120-0700': 'its ref is damaged',
      yesterday: 'it is no name of a tag',
    });
    await rm(path);
    expect((await repository.tags()).records).toEqual([good]);
    await git(['update-ref', '-d', 'refs/tagwave/tags/yesterday']);
    expect((await repository.tags()).unreadable.map(({ tag }) => tag)).not.toContain('yesterday');
  });

  test('two thousand tags are read in one go, and the same list is the same object', async () => {
    const { repository, git, tip } = await taggable();
    const first = recordOf(tip, '2026-01-01T00');
    await repository.createTag(first);
    const { tagObject } = await import('../../server/adapters/git/tag-object.ts');
    const stream = Array.from({ length: 1999 }, (_, index) => {
      const hour = new Date(Date.parse(first.created) + (index + 1) * 3_600_000).toISOString().slice(0, 13);
      const record = recordOf(tip, hour);
      const message = tagObject(record).split('\n\n').slice(1).join('\n\n');
      return `tag ${record.name}\nfrom ${tip.id}\ntagger T <t@x> 1 +0000\ndata ${Buffer.byteLength(message)}\n${message}\n`;
    });
    await git(['-c', 'core.fsync=none', 'fast-import', '--quiet'], stream.join(''));
    const moves = (await git(['for-each-ref', '--format=%(refname:lstrip=2) %(objectname)', 'refs/tags/'])).split('\n');
    await git(
      ['-c', 'core.fsync=none', 'update-ref', '--stdin'],
      moves.map((line) => `create refs/tagwave/tags/${line}\n`).join(''),
    );
    const tags = await repository.tags();
    expect(tags.unreadable).toEqual([]);
    expect(tags.records).toHaveLength(2000);
    expect(tags.records[0]).toEqual(first);
    expect(await repository.tags()).toBe(tags);
    await repository.collectGarbage(0);
    expect((await repository.tags()).records).toEqual(tags.records);
  });

  test('a retired tag’s content is dropped once its time is over, and what is in use is not', async () => {
    const { repository, git, gitDir, source } = await taggable();
    const lost = unwrap(await repository.fetch(at('08:00:00'))).tip;
    await source.git(['commit', '--quiet', '--amend', '--allow-empty', '--message=other']);
    const { tip } = unwrap(await repository.fetch(at('09:00:00')));
    const record = recordOf(lost, '2026-11-20T08');
    await repository.createTag(record);
    const object = await git(['rev-parse', `refs/tagwave/tags/${record.name}`]);
    await repository.retireTags([record.name], at('10:00:00'));
    await repository.collectGarbage(at('10:00:00'));
    expect(await git(['cat-file', '-t', object])).toBe('tag');
    await repository.collectGarbage(at('10:00:01'));
    expect(await git(['for-each-ref', 'refs/tagwave/retired/'])).toBe('');
    await backdateObjects(gitDir);
    await repository.collectGarbage(at('10:00:01'));
    await expect(git(['cat-file', '-t', object])).rejects.toThrow();
    // Still the tip at an hour that is in the log.
    expect(await repository.tipAt(at('08:30:00'))).toMatchObject({ commit: lost.id });
    expect(await repository.commit(lost.id)).toMatchObject({ id: lost.id });
    expect(await repository.trunk()).toMatchObject({ commit: tip.id });
  });

  test('a tag and its ref are synced to the disk before it counts as made', async () => {
    const { git } = await taggable();
    const components = (await git(['config', 'core.fsync'])).split(',');
    expect(components).toEqual(expect.arrayContaining(['reference', 'loose-object', 'pack']));
  });

  test('a tag on a commit that is not there is refused', async () => {
    const { repository, tip } = await taggable();
    const missing = { id: tip.id.replaceAll(/[0-7]/g, '8') as typeof tip.id, tree: tip.tree };
    await expect(repository.createTag(recordOf(missing, '2026-11-20T08'))).rejects.toThrow('mktag');
    expect((await repository.tags()).records).toEqual([]);
  });
});

/** Makes every object old enough to be dropped. */
async function backdateObjects(gitDir: string): Promise<void> {
  await execa('find', [join(gitDir, 'objects'), '-type', 'f', '-exec', 'touch', '-d', '2001-01-01', '{}', '+']);
}

function locksBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.lock'));
}
