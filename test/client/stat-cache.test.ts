import {
  chmodSync,
  linkSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fileTime, lookAt, movedSince, recall, takeStock } from '../../client/adapters/stat-cache.ts';
import { decodeSightings, encodeSightings, type Sightings, sameAs, WIDTH } from '../../client/core/sightings.ts';
import type { Digest } from '../../protocol/names.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const DIGEST = `sha256:${'a'.repeat(64)}` as Digest;
const PATHS = ['a', 'etc', 'etc/motd', 'etc/link'];

interface Stock {
  readonly root: string;
  readonly file: string;
  /** The paths that look otherwise than they did. */
  moved(): string[];
}

/** Files that were looked at so long after they were last changed that no clock is too coarse to tell. */
async function stock(): Promise<Stock> {
  const directory = await disposableDirectory();
  const [root, file] = [join(directory, 'tree'), join(directory, 'seen/tree')];
  await mkdir(join(root, 'etc'), { recursive: true });
  for (const path of ['a', 'etc/motd']) await writeFile(join(root, path), `content of ${path}`);
  symlinkSync('motd', join(root, 'etc/link'));
  takeStock({ file, root, digest: DIGEST, paths: PATHS });
  const moved = (): string[] => {
    const sightings = recall(file, DIGEST);
    if (sightings === undefined) throw new Error('nothing is remembered');
    const later = { ...sightings, takenAtMs: sightings.takenAtMs + 10_000 };
    return movedSince(later, root).map((index) => PATHS[index] ?? '');
  };
  return { root, file, moved };
}

describe('a file looks otherwise after', () => {
  test('nothing was done to it: no', async () => {
    expect((await stock()).moved()).toEqual([]);
  });

  test.each<[string, (path: string) => void]>([
    ['other content of the same size with the time put back', rewriteUnseen],
    ['another mode', (path) => chmodSync(path, 0o600)],
    ['a mode that was put back', (path) => [0o600, 0o644].forEach((mode) => void chmodSync(path, mode))],
    ['another link to it', (path) => linkSync(path, `${path}.link`)],
    [
      'a copy in its place that has its time',
      (path) => {
        const { atime, mtime } = statSync(path);
        writeFileSync(`${path}.new`, readFileSync(path));
        utimesSync(`${path}.new`, atime, mtime);
        renameSync(`${path}.new`, path);
      },
    ],
  ])('%s', async (_what, change) => {
    const { root, moved } = await stock();
    change(join(root, 'a'));
    expect(moved()).toEqual(['a']);
  });

  test('it was removed, and its directory became a file', async () => {
    const { root, moved } = await stock();
    await rm(join(root, 'etc'), { recursive: true });
    writeFileSync(join(root, 'etc'), '');
    expect(moved()).toEqual(['etc', 'etc/motd', 'etc/link']);
  });

  test('something was put beside it: its directory', async () => {
    const { root, moved } = await stock();
    writeFileSync(join(root, 'etc/extra'), '');
    expect(moved()).toEqual(['etc']);
  });

  test('what is seen is so young that a change within the same tick would not show', async () => {
    const { root, file } = await stock();
    writeFileSync(join(root, 'a'), 'young');
    takeStock({ file, root, digest: DIGEST, paths: ['a'] });
    const sightings = recall(file, DIGEST) as Sightings;
    expect(movedSince(sightings, root)).toEqual([0]);
    expect(movedSince({ ...sightings, takenAtMs: sightings.takenAtMs + 10_000 }, root)).toEqual([]);
  });

  test('it changed between the look and the reading of its content', async () => {
    const { root, file, moved } = await stock();
    const looked = { beganAtMs: fileTime(file), looks: new Map([['a', statSync(join(root, 'a'))]]) };
    rewriteUnseen(join(root, 'a'));
    takeStock({ file, root, digest: DIGEST, paths: PATHS, looked });
    expect(moved()).toEqual(['a']);
  });
});

/** Other content of the same size, and the modification time as it was. */
function rewriteUnseen(path: string): void {
  const { atime, mtime } = statSync(path);
  writeFileSync(path, readFileSync(path, 'utf8').toUpperCase());
  utimesSync(path, atime, mtime);
}

describe('what is remembered', () => {
  test('of another manifest counts as nothing', async () => {
    const { file } = await stock();
    expect(recall(file, `sha256:${'b'.repeat(64)}` as Digest)).toBeUndefined();
  });

  test('and is gone, no file, or a link counts as nothing', async () => {
    const { file } = await stock();
    renameSync(file, `${file}.away`);
    expect(recall(file, DIGEST)).toBeUndefined();
    symlinkSync(`${file}.away`, file);
    expect(recall(file, DIGEST)).toBeUndefined();
    await rm(file);
    await mkdir(file);
    expect(recall(file, DIGEST)).toBeUndefined();
  });

  test('survives being written and read', () => {
    const path = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !text.includes('\0') && isWhole(text));
    fc.assert(
      fc.property(fc.array(path), fc.nat(), (paths, takenAtMs) => {
        const numbers = Float64Array.from({ length: paths.length * WIDTH }, (_, index) => index / 3);
        const sightings = { digest: DIGEST, takenAtMs: takenAtMs / 7, paths, numbers };
        expect(decodeSightings(encodeSightings(sightings))).toEqual(sightings);
      }),
      { numRuns: 50 },
    );
  });

  test('and is damaged in any one byte, cut off or longer counts as nothing', async () => {
    const { file } = await stock();
    const bytes = readFileSync(file);
    for (let index = 0; index < bytes.length; index++) {
      const damaged = Buffer.from(bytes);
      damaged.writeUInt8((bytes.readUInt8(index) + 1) % 256, index);
      expect(decodeSightings(damaged)).toBeUndefined();
      expect(decodeSightings(bytes.subarray(0, index))).toBeUndefined();
    }
    expect(decodeSightings(Buffer.concat([bytes, Buffer.from('x')]))).toBeUndefined();
  });
});

/** Text that UTF-8 can hold, as every path of a view can. */
function isWhole(text: string): boolean {
  return Buffer.from(text).toString() === text;
}

test('what is behind something that is no directory is not there', async () => {
  const { root } = await stock();
  expect(lookAt(join(root, 'a/b'))).toBeUndefined();
});

test('times of whole seconds, as coarse file systems keep them, are doubted longer', () => {
  const look = { size: 1, mtimeMs: 5000, ctimeMs: 5000, ino: 1, mode: 1, uid: 0, gid: 0 };
  const at = (takenAtMs: number): Sightings => ({
    digest: DIGEST,
    takenAtMs,
    paths: ['a'],
    numbers: Float64Array.from([look.ctimeMs, 1, 1, 5000, 1, 0, 0]),
  });
  expect([5500, 6999, 7001].map((takenAtMs) => sameAs(at(takenAtMs), 0, look))).toEqual([false, false, true]);
});
