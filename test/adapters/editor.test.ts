import { once } from 'node:events';
import {
  appendFileSync,
  chmodSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { chown, mkdir, readFile, readlink, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { openEditor } from '../../server/adapters/files/editor.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { holdLock } from '../rig/hold-lock.ts';
import { failureOf, unwrap } from '../rig/records.ts';

const QUICKLY = { waitMs: 1_000, insist: false };
const append = (line: string) => (text: string | null) => `${text ?? ''}${line}\n`;

async function editing() {
  const base = await disposableDirectory();
  return { base, editor: openEditor(base), path: (name: string) => join(base, name) };
}

describe('an edit', () => {
  test('answers the text before and after, and leaves nothing else behind', async () => {
    const { base, editor, path } = await editing();
    expect(unwrap(await editor.edit('pins', append('one'), QUICKLY))).toEqual({ before: null, after: 'one\n' });
    expect(unwrap(await editor.edit('pins', append('two'), QUICKLY))).toEqual({ before: 'one\n', after: 'one\ntwo\n' });
    expect(await readFile(path('pins'), 'utf8')).toBe('one\ntwo\n');
    expect(readdirSync(base)).toEqual(['pins']);
  });

  test('that changes nothing leaves the very same file', async () => {
    const { editor, path } = await editing();
    writeFileSync(path('pins'), 'one\n');
    const before = statSync(path('pins'));
    expect(unwrap(await editor.edit('pins', () => undefined, QUICKLY))).toEqual({ before: 'one\n', after: 'one\n' });
    unwrap(await editor.edit('pins', (text) => text ?? '', QUICKLY));
    expect(statSync(path('pins')).ino).toBe(before.ino);
  });

  test('keeps the mode, and a chain of links, whatever directories they go through', async () => {
    const { base, editor, path } = await editing();
    await mkdir(path('real/deep'), { recursive: true });
    await mkdir(path('shared'));
    writeFileSync(path('shared/marks'), 'one\n');
    chmodSync(path('shared/marks'), 0o4640);
    await symlink('../../shared/marks', path('real/deep/tagstate'));
    await symlink('real/deep', path('link'));
    // By way of a linked base, whose ".." is not the link's own.
    const linked = openEditor(join(base, 'link'));
    unwrap(await linked.edit('tagstate', append('two'), QUICKLY));
    expect(await readFile(path('shared/marks'), 'utf8')).toBe('one\ntwo\n');
    expect(statSync(path('shared/marks')).mode & 0o7777).toBe(0o4640);
    expect(await readlink(path('real/deep/tagstate'))).toBe('../../shared/marks');
    await symlink('not-there-yet', path('pins'));
    unwrap(await editor.edit('pins', append('new'), QUICKLY));
    expect(await readFile(path('not-there-yet'), 'utf8')).toBe('new\n');
    expect(await readlink(path('pins'))).toBe('not-there-yet');
  });

  test.skipIf(process.getuid?.() !== 0)('keeps owner and group (as root)', async () => {
    const { editor, path } = await editing();
    writeFileSync(path('pins'), 'one\n');
    await chown(path('pins'), 61_234, 61_235);
    unwrap(await editor.edit('pins', append('two'), QUICKLY));
    expect(statSync(path('pins'))).toMatchObject({ uid: 61_234, gid: 61_235 });
  });

  test('leaves bytes that are no UTF-8 as they are', async () => {
    const { editor, path } = await editing();
    const strange = Buffer.from([0x4a, 0xf6, 0x0a, 0xff, 0xfe, 0x0a]);
    writeFileSync(path('tagstate'), strange);
    unwrap(await editor.edit('tagstate', append('größer – 漢'), QUICKLY));
    const after = readFileSync(path('tagstate'));
    expect(after.subarray(0, strange.length).equals(strange)).toBe(true);
    expect(after.length).toBeGreaterThan(strange.length);
  });

  test('makes a file that everybody may read, whatever the umask', async () => {
    const { editor, path } = await editing();
    const umask = process.umask(0o077);
    try {
      unwrap(await editor.edit('pins', append('one'), QUICKLY));
    } finally {
      process.umask(umask);
    }
    expect(statSync(path('pins')).mode & 0o777).toBe(0o644);
  });

  test('of what cannot be edited says why, and changes nothing', async () => {
    const { base, editor, path } = await editing();
    await mkdir(path('directory'));
    await execa('mkfifo', [path('pipe')]);
    symlinkSync('loop', path('loop'));
    writeFileSync(path('binary'), 'a\0b');
    writeFileSync(path('large'), 'a'.repeat(1024 * 1024 - 2));
    const why = async (file: string, at = editor) => failureOf(await at.edit(file, append('x'), QUICKLY)).sentence;
    expect(await why('directory')).toBe(`${base}/directory could not be changed: it is no regular file`);
    expect(await why('pipe')).toBe(`${base}/pipe could not be changed: it is no regular file`);
    expect(await why('loop')).toBe(`${base}/loop could not be changed: too many symbolic links`);
    expect(await why('binary')).toContain('it holds NUL bytes, and does not count as long as they are there');
    unwrap(await editor.edit('large', (text) => `${text}x`, QUICKLY));
    expect(await why('large')).toContain('it would have 1048577 bytes, and over 1 MiB it does not count');
    expect(await why('pins', openEditor(join(base, 'missing')))).toContain('could not be changed: no such file');
    expect(await why('pins', openEditor(path('binary')))).toContain('a part of its path is no directory');
    expect(readdirSync(base).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  test('waits for another editor, then gives up, or goes on where it has to, and says so', async () => {
    const { base, editor, path } = await editing();
    const letGo = await holdLock(base);
    const refused = failureOf(await editor.edit('pins', append('one'), { waitMs: 50, insist: false }));
    expect(refused.sentence).toContain(`${base} is locked by another process`);
    const insisted = unwrap(await editor.edit('pins', append('two'), { waitMs: 50, insist: true }));
    expect(insisted.warning).toContain('is locked by another process: it was edited all the same; see that nobody');
    const waiting = editor.edit('pins', append('three'), { waitMs: 20_000, insist: false });
    await letGo();
    expect(unwrap(await waiting)).toEqual({ before: 'two\n', after: 'two\nthree\n' });
    expect(await readFile(path('pins'), 'utf8')).toBe('two\nthree\n');
  });

  test('begins anew where somebody without the lock came in between, and loses nothing', async () => {
    const { editor, path } = await editing();
    writeFileSync(path('pins'), 'one\n');
    let times = 0;
    const edited = await editor.edit(
      'pins',
      (text) => {
        // As `echo >>` in a shell, at the worst moment.
        if (++times <= 3) appendFileSync(path('pins'), `shell ${times}\n`);
        return `${text}mine\n`;
      },
      QUICKLY,
    );
    expect(unwrap(edited).after).toBe('one\nshell 1\nshell 2\nshell 3\nmine\n');
    expect(await readFile(path('pins'), 'utf8')).toBe('one\nshell 1\nshell 2\nshell 3\nmine\n');
    const always = await editor.edit(
      'pins',
      (text) => {
        appendFileSync(path('pins'), 'again\n');
        return `${text}mine\n`;
      },
      QUICKLY,
    );
    expect(failureOf(always).sentence).toContain('somebody else writes to it all the time');
  });

  test('is seen whole or not at all by whoever reads meanwhile', async () => {
    const { editor, path } = await editing();
    const text = (letter: string) => `${letter.repeat(200_000)}\n`;
    writeFileSync(path('pins'), text('a'));
    const script = `const { readFileSync } = require('node:fs');
      let [reads, parts] = [0, 0];
      process.stdin.on('end', () => { console.log(JSON.stringify([reads > 0, parts])); process.exit(); }).resume();
      console.log('reading');
      setInterval(() => {
        const seen = readFileSync(process.argv[1], 'utf8');
        reads++;
        if (seen !== seen[0].repeat(200000) + '\\n') parts++;
      }, 0);`;
    const reader = execa(process.execPath, ['-e', script, path('pins')]);
    await once(reader.stdout, 'data');
    for (const letter of 'bcdefghijklmnopqrstuvwxyz') unwrap(await editor.edit('pins', () => text(letter), QUICKLY));
    reader.stdin.end();
    expect(JSON.parse((await reader).stdout.split('\n')[1] ?? '')).toEqual([true, 0]);
  });

  test('is not kept from its work by what a killed editor left behind', async () => {
    const { base, editor } = await editing();
    for (let number = 0; number < 50; number++) writeFileSync(join(base, `.pins.${process.pid}.${number}.tmp`), '');
    unwrap(await editor.edit('pins', append('one'), QUICKLY));
  });
});

describe('the killswitch', () => {
  test('is created with its message, and shown with a version that changes with the file', async () => {
    const { editor, path } = await editing();
    expect(editor.raised(null)).toBe(null);
    expect(unwrap(await editor.raise(null, 'ask Ana'))).toEqual({ path: path('killswitch') });
    const first = editor.raised(null);
    expect(first).toEqual({ message: 'ask Ana', version: expect.stringMatching(/^[0-9a-f]{16}$/) });
    await editor.raise(null, 'ask Ben');
    expect(editor.raised(null)?.version).not.toBe(first?.version);
    expect(unwrap(await editor.raise('production', ''))).toEqual({ path: path('killswitch.d/production') });
    expect(editor.raised('production')?.message).toBe('');
  });

  test('is removed only as it was shown', async () => {
    const { editor } = await editing();
    await editor.raise(null, 'ask Ana');
    const shown = editor.raised(null)?.version ?? '';
    await editor.raise(null, 'ask Ben');
    const refused = failureOf(await editor.release(null, shown));
    expect(refused.sentence).toContain('changed since it was shown; it now says: "ask Ben"');
    unwrap(await editor.release(null, editor.raised(null)?.version ?? ''));
    expect(editor.raised(null)).toBe(null);
    expect(failureOf(await editor.release(null, shown)).sentence).toContain('there is no ');
  });

  test('names no other file', async () => {
    const { editor, path } = await editing();
    writeFileSync(path('tagstate'), '');
    for (const name of ['../tagstate', 'a/b', '.', '..', '', 'a\0b']) {
      expect(() => editor.raised(name)).toThrow(RangeError);
      await expect(editor.raise(name, '')).rejects.toThrow(RangeError);
      await expect(editor.release(name, '')).rejects.toThrow(RangeError);
    }
    expect(readdirSync(path('.'))).toEqual(['tagstate']);
  });

  test('where something of that name is there stops, and says where the message could not be written', async () => {
    const { editor, path } = await editing();
    await mkdir(path('killswitch'));
    expect(unwrap(await editor.raise(null, 'x')).warning).toContain('it is no regular file');
    expect(unwrap(await editor.raise(null, '')).warning).toBeUndefined();
    await mkdir(path('killswitch.d'));
    await writeFile(path('victim'), 'precious');
    await symlink('../victim', path('killswitch.d/production'));
    expect(unwrap(await editor.raise('production', 'x')).warning).toContain('it is no regular file');
    expect(await readFile(path('victim'), 'utf8')).toBe('precious');
  });

  test('is not created in a base that is not there', async () => {
    const { base } = await editing();
    const editor = openEditor(join(base, 'missing'));
    for (const environment of [null, 'production'])
      expect(failureOf(await editor.raise(environment, 'x')).sentence).toContain('could not be changed: no such file');
    expect(readdirSync(base)).toEqual([]);
    renameSync(base, `${base}.gone`);
    expect(editor.raised(null)).toBe(null);
    renameSync(`${base}.gone`, base);
  });
});
