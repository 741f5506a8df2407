import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, sourceRepository } from '../rig/git.ts';
import { failureOf, recordOf, unwrap } from '../rig/records.ts';

const at = (time: string): number => Date.parse(`2026-11-20T${time}Z`);

/** A small disk of its own; the test is skipped where that may not be had. */
async function smallDisk(skip: (reason: string) => void): Promise<string> {
  const place = join(await disposableDirectory(), 'disk');
  await mkdir(place);
  const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', place], { reject: false });
  if (mounted.failed) skip('a small disk can be mounted by root only');
  else onTestFinished(() => execa('umount', ['--lazy', place]).then(() => undefined));
  return place;
}

async function fill(place: string): Promise<string> {
  const ballast = join(place, 'ballast');
  await execa('dd', ['if=/dev/zero', `of=${ballast}`, 'bs=4k'], { reject: false });
  return ballast;
}

describe('a state directory that cannot be written', () => {
  test('on a full disk nothing is lost, the reason is told, and work goes on once there is room', async ({ skip }) => {
    const disk = await smallDisk(skip);
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    const from = { kind: 'url', url: source.directory, branch: 'main' } as const;
    const { repository, stateDir } = await preparedRepository(from, { stateDir: join(disk, 'state') });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    await repository.createTag(recordOf(tip, '2026-11-20T08'));
    const before = await repository.tags();
    const ballast = await fill(disk);

    await source.commit({ big: randomBytes(300_000) });
    const { sentence, hint } = failureOf(await repository.fetch(at('08:01:00')));
    expect(sentence).toMatch(/no space left/i);
    expect(hint).toMatch(/room/);
    await expect(repository.createTag(recordOf(tip, '2026-11-20T09'))).rejects.toThrow(/no space left/i);
    expect(await repository.tags()).toEqual(before);
    expect(await repository.trunk()).toMatchObject({ commit: tip.id, at: at('08:00:00') });
    const { repository: restarted } = await preparedRepository(from, { stateDir });
    expect(await restarted.tags()).toEqual(before);

    await rm(ballast);
    const next = unwrap(await repository.fetch(at('08:02:00'))).tip;
    expect(await repository.createTag(recordOf(next, '2026-11-20T09'))).toBe('created');
    expect((await restarted.tags()).records).toHaveLength(2);
    expect(existsSync(join(stateDir, 'repository.git/packed-refs.lock'))).toBe(false);
  });

  test('on a disk that is read-only tags and tips can be read, also after a restart', async ({ skip }) => {
    const disk = await smallDisk(skip);
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    const from = { kind: 'url', url: source.directory, branch: 'main' } as const;
    const { repository, stateDir } = await preparedRepository(from, { stateDir: join(disk, 'state') });
    const { tip } = unwrap(await repository.fetch(at('08:00:00')));
    await repository.createTag(recordOf(tip, '2026-11-20T08'));
    const before = await repository.tags();
    await execa('mount', ['-o', 'remount,ro', disk]);

    expect(failureOf(await repository.fetch(at('08:01:00'))).sentence).toContain('read-only');
    await expect(repository.createTag(recordOf(tip, '2026-11-20T09'))).rejects.toThrow('read-only');
    const { repository: restarted } = await preparedRepository(from, { stateDir });
    for (const each of [repository, restarted]) {
      expect(await each.tags()).toEqual(before);
      expect(await each.trunk()).toMatchObject({ commit: tip.id, at: at('08:00:00') });
      expect(await each.entries(tip.tree)).toHaveLength(1);
    }
    await execa('mount', ['-o', 'remount,rw', disk]);
    expect(await restarted.createTag(recordOf(tip, '2026-11-20T09'))).toBe('created');
  });

  test('where it cannot even be made, preparing says so', async () => {
    const place = join(await disposableDirectory(), 'file');
    await writeFile(place, '');
    const from = { kind: 'url', url: '/nowhere', branch: 'main' } as const;
    await expect(preparedRepository(from, { stateDir: join(place, 'state') })).rejects.toThrow(place);
  });
});
