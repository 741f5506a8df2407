import type { ChildProcess } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { tryLock } from '../../server/adapters/lock.ts';
import { preparedRepository, sourceRepository } from '../rig/git.ts';
import { programsStarted, wordsOf } from '../rig/programs.ts';
import { failureOf, recordOf, unwrap } from '../rig/records.ts';
import { until } from '../rig/until.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);

async function following(files: number) {
  const source = await sourceRepository();
  const paths = Array.from({ length: files }, (_, index) => `d${index % 50}/${index}`);
  await source.commit(Object.fromEntries(paths.map((path) => [path, path])));
  const made = await preparedRepository({ kind: 'url', url: source.directory, branch: 'main' });
  unwrap(await made.repository.fetch(at('07:00:00')));
  return { ...made, source, gitDir: join(made.stateDir, 'repository.git') };
}

function filesBelow(directory: string): Set<string> {
  const entries = readdirSync(directory, { recursive: true, withFileTypes: true });
  return new Set(entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)));
}

describe('one more tag', () => {
  test.each([1, 1500])('starts the same few programs where the tree has %i files', async (files) => {
    const { repository, source } = await following(files);
    const { tree: sound } = unwrap(await repository.fetch(at('07:30:00'))).tip;
    const { commit: previous } = (await repository.trunk()) ?? { commit: undefined };
    if (previous === undefined) throw new Error('a tip was fetched');
    await source.commit({ 'd0/0': 'changed' });
    const started = programsStarted();
    const told = (from: number): string[] =>
      // Whether the one that is asked is still there depends on how long it was idle.
      started
        .slice(from)
        .map(wordsOf)
        .filter((words) => words !== 'git cat-file');

    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    expect(told(0)).toEqual(['flock', 'git fetch', 'git update-ref']);
    const fetched = started.length;
    expect(await repository.commit(tip.id)).toEqual(tip);
    expect(await repository.flawOf(tip.tree, sound)).toBeNull();
    expect(await repository.commitsBetween(previous, tip.id)).toBe(1);
    expect(await repository.file(tip.tree, 'deploy.yml', 1000)).toBeUndefined();
    expect(told(fetched)).toEqual([]);
    expect(await repository.createTag(recordOf(tip, '2026-11-20T08'))).toBe('created');
    expect(told(fetched).sort()).toEqual(['git mktag', 'git update-ref']);
    expect(started.filter((program) => wordsOf(program) === 'git cat-file').length).toBeLessThanOrEqual(2);
  });

  test('of the same commit leaves its object and its ref on the disk, and nothing else', async () => {
    const { repository, gitDir } = await following(20);
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    for (const hour of ['01', '02', '03']) {
      const before = filesBelow(gitDir);
      const record = recordOf(tip, `2026-11-20T${hour}`);
      await repository.createTag(record);
      const added = [...filesBelow(gitDir)]
        .filter((path) => !before.has(path))
        .map((path) => path.slice(gitDir.length));
      expect(added).toHaveLength(2);
      expect(added).toEqual(expect.arrayContaining([`/refs/tagwave/tags/${record.name}`]));
      expect(added.find((path) => !path.startsWith('/refs/'))).toMatch(/^\/objects\/..\//);
    }
  });

  test('is in the list at once, and so is what another process makes or retires at the same time', async () => {
    const { repository, source, stateDir } = await following(3);
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    const from = { kind: 'url', url: source.directory, branch: 'main' } as const;
    const { repository: other } = await preparedRepository(from, { stateDir });
    await repository.tags();
    for (let hour = 0; hour < 12; hour++) {
      const name = (which: string) => recordOf(tip, `2026-11-${which}T${String(hour).padStart(2, '0')}`);
      const [ours, theirs] = [name('18'), name('19')];
      await Promise.all([repository.createTag(ours), hour % 2 === 0 ? other.createTag(theirs) : other.tags()]);
      expect((await repository.tags()).records).toContainEqual(ours);
      if (hour % 3 === 0) await other.retireTags([ours.name], at('09:00:00'));
      const [seen, real] = [await repository.tags(), await other.tags()];
      expect(seen).toEqual(real);
    }
  });
});

describe('while garbage is collected', () => {
  test('a tip is fetched and a tag is made and read, however long it takes', async () => {
    const { repository, source, stateDir } = await following(50);
    const stopped: ChildProcess[] = [];
    // Stopped at its work, it goes on for as long as anybody might wait.
    programsStarted((program) => {
      if (wordsOf(program) === 'git gc' && program.kill('SIGSTOP')) stopped.push(program);
    });
    onTestFinished(() => {
      stopped[0]?.kill('SIGKILL');
    });
    const collecting = repository.collectGarbage(at('08:00:00'));
    await until('the collection', () => stopped.length > 0 || undefined);
    const [gc] = stopped;

    expect(failureOf(await tryLock(join(stateDir, 'garbage.lock'))).sentence).toContain('locked by process');
    await source.commit({ 'd0/0': 'changed' });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    const record = recordOf(tip, '2026-11-20T08');
    expect(await repository.createTag(record)).toBe('created');
    expect((await repository.tags()).records).toEqual([record]);
    expect(gc?.exitCode).toBeNull();

    gc?.kill('SIGCONT');
    await collecting;
    expect((await repository.tags()).records).toEqual([record]);
    await execa('git', ['fsck', '--strict'], { env: { GIT_DIR: join(stateDir, 'repository.git') } });
  });

  test('it goes last in the queues for the processor and the disk', async () => {
    const { repository } = await following(1);
    const started = programsStarted();
    await repository.collectGarbage(0);
    const gc = started.find((program) => wordsOf(program) === 'git gc');
    expect(gc?.spawnargs.slice(0, 7)).toEqual(['nice', '-n', '19', 'ionice', '--class', 'idle', '--ignore']);
  });
});
