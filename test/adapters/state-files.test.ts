import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { publish } from '../../server/adapters/files/publish.ts';
import { stateFiles, stateFilesForReading } from '../../server/adapters/files/state-files.ts';
import { disposableDirectory } from '../rig/disposable.ts';

describe('the files of the state directory', () => {
  test('are read as they were written, and undefined where there is none', async () => {
    const state = stateFiles(join(await disposableDirectory(), 'state'));
    expect(state.read('last-valid/pins')).toBeUndefined();
    state.write('last-valid/pins', 'one\n');
    expect(state.read('last-valid/pins')).toBe('one\n');
    state.write('last-valid/pins', '');
    expect(state.read('last-valid/pins')).toBe('');
  });

  test('are added to', async () => {
    const state = stateFiles(await disposableDirectory());
    state.append('pruned-tags', 'one\n');
    state.append('pruned-tags', 'two\n');
    expect(state.read('pruned-tags')).toBe('one\ntwo\n');
  });

  test('are replaced as a whole, and leave nothing beside them, also where that fails', async () => {
    const directory = await disposableDirectory();
    const state = stateFiles(directory);
    state.write('marks', 'old');
    const before = statSync(join(directory, 'marks')).ino;
    state.write('marks', 'new');
    expect(statSync(join(directory, 'marks')).ino).not.toBe(before);
    mkdirSync(join(directory, 'folder/marks'), { recursive: true });
    expect(() => state.write('folder/marks', 'x')).toThrow();
    expect(readdirSync(directory).sort()).toEqual(['folder', 'marks']);
    expect(readdirSync(join(directory, 'folder'))).toEqual(['marks']);
  });

  test('that cannot be read throw: what is in them must not be taken for nothing', async () => {
    const directory = await disposableDirectory();
    mkdirSync(join(directory, 'marks'));
    expect(() => stateFiles(directory).read('marks')).toThrow(/EISDIR/);
    writeFileSync(join(directory, 'file'), '');
    expect(() => stateFiles(join(directory, 'file')).read('marks')).toThrow(/ENOTDIR/);
  });

  test('for whom only looks are read and never written', async () => {
    const directory = await disposableDirectory();
    writeFileSync(join(directory, 'marks'), 'as it is');
    const state = stateFilesForReading(directory);
    state.write('marks', 'x');
    state.append('pruned-tags', 'x');
    expect(state.read('marks')).toBe('as it is');
    expect(readdirSync(directory)).toEqual(['marks']);
  });
});

describe('publishing', () => {
  test('that is not confirmed at the last moment leaves everything as it was', async () => {
    const directory = await disposableDirectory();
    const path = join(directory, 'pins');
    writeFileSync(path, 'old');
    expect(publish(path, 'new', { confirm: () => false })).toBe(false);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(publish(path, 'new', { confirm: () => true })).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(readdirSync(directory)).toEqual(['pins']);
  });

  test('that is prepared in vain leaves everything as it was', async () => {
    const directory = await disposableDirectory();
    const refuse = (): never => {
      throw new Error('not like this');
    };
    expect(() => publish(join(directory, 'pins'), 'new', { prepare: refuse })).toThrow('not like this');
    expect(readdirSync(directory)).toEqual([]);
  });
});
