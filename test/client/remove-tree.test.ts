import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeTree } from '../../client/adapters/remove-tree.ts';
import { disposableDirectory } from '../rig/disposable.ts';

describe('a directory that is removed', () => {
  test('goes with all that is in it, and nothing that its links lead to', async () => {
    const place = await disposableDirectory();
    await mkdir(join(place, 'others'));
    await writeFile(join(place, 'others', 'file'), 'theirs');
    await mkdir(join(place, 'tree', 'a', 'b'), { recursive: true });
    await mkdir(join(place, 'tree', 'empty'));
    await writeFile(join(place, 'tree', 'a', 'b', 'file'), 'ours');
    await symlink('../../others', join(place, 'tree', 'a', 'directory'));
    await symlink('nowhere', join(place, 'tree', 'dangling'));
    removeTree(join(place, 'tree'));
    expect(await readdir(place)).toEqual(['others']);
    expect(await readdir(join(place, 'others'))).toEqual(['file']);
  });

  test('that is a link goes alone', async () => {
    const place = await disposableDirectory();
    await mkdir(join(place, 'others'));
    await writeFile(join(place, 'others', 'file'), 'theirs');
    await symlink('others', join(place, 'link'));
    removeTree(join(place, 'link'));
    expect(await readdir(place)).toEqual(['others']);
    expect(await readdir(join(place, 'others'))).toEqual(['file']);
  });

  test('may have names that are no UTF-8, and may be gone', async () => {
    const place = await disposableDirectory();
    await mkdir(join(place, 'tree'));
    await writeFile(Buffer.from(`${join(place, 'tree')}/caf\xe9`, 'latin1'), '');
    removeTree(join(place, 'tree'));
    removeTree(join(place, 'tree'));
    expect(await readdir(place)).toEqual([]);
  });
});
