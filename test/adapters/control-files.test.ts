import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { watchControlFiles } from '../../server/adapters/files/control-files.ts';
import type { ControlFiles } from '../../server/ports/files.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type StillClock, stillClock } from '../rig/still-clock.ts';

const SETTLE_SECONDS = 2;

interface Watching {
  readonly base: string;
  readonly clock: StillClock;
  readonly files: ControlFiles;
  look(file?: 'tagstate' | 'nodes.yml'): { text: string | null; settled: boolean };
  write(text: string | Uint8Array, file?: string): void;
}

async function watching(): Promise<Watching> {
  const base = await disposableDirectory();
  const clock = stillClock();
  const files = watchControlFiles(base, clock);
  return {
    base,
    clock,
    files,
    look(file = 'tagstate') {
      const { look, settled } = files.sighting(file, SETTLE_SECONDS);
      return { text: look.kind === 'text' ? look.text : look.kind === 'unreadable' ? `(${look.why})` : null, settled };
    },
    write: (text, file = 'tagstate') => writeFileSync(join(base, file), text),
  };
}

/** As if it had been written so many seconds ago. */
const age = (path: string, seconds: number) => {
  const then = new Date(Date.now() - seconds * 1000);
  utimesSync(path, then, then);
};

describe('a control file', () => {
  test('that was old when it was first seen is settled; one that was written just now settles after two seconds', async () => {
    const { base, look, write, clock } = await watching();
    write('old\n');
    age(join(base, 'tagstate'), 3);
    expect(look()).toEqual({ text: 'old\n', settled: true });
    write('new\n', 'nodes.yml');
    expect(look('nodes.yml')).toEqual({ text: 'new\n', settled: false });
    clock.advance(1_000);
    expect(look('nodes.yml').settled).toBe(false);
    clock.advance(1_001);
    expect(look('nodes.yml').settled).toBe(true);
  });

  test('with a time in the future settles all the same', async () => {
    const { base, look, write, clock } = await watching();
    write('a\n');
    age(join(base, 'tagstate'), -3600);
    expect(look().settled).toBe(false);
    clock.advance(2_001);
    expect(look().settled).toBe(true);
  });

  test('that changes is unsettled from then on, even where it is put there with an old time', async () => {
    const { base, look, write, clock } = await watching();
    write('one\n');
    look();
    clock.advance(2_001);
    expect(look()).toEqual({ text: 'one\n', settled: true });
    write('two\n', 'draft');
    age(join(base, 'draft'), 3600);
    renameSync(join(base, 'draft'), join(base, 'tagstate'));
    expect(look()).toEqual({ text: 'two\n', settled: false });
    clock.advance(2_001);
    expect(look().settled).toBe(true);
  });

  test('written twice within one tick of the clock, with the same size, shows the second text', async () => {
    const { look, write } = await watching();
    for (let number = 100; number < 300; number++) {
      write(`${number}\n`);
      expect(look().text).toBe(`${number}\n`);
    }
  });

  test('is the same object for as long as nothing changes, and costs no reading', async () => {
    const { base, files, write } = await watching();
    write('a\n');
    age(join(base, 'tagstate'), 10);
    const first = files.sighting('tagstate', SETTLE_SECONDS).look;
    expect(files.sighting('tagstate', SETTLE_SECONDS).look).toBe(first);
  });

  test('that is missing when first seen is absent only once it stays away, unless nobody has touched the base for a while', async () => {
    const { base, look, clock } = await watching();
    // Touched just now, however slow this machine is.
    age(base, -10);
    expect(look()).toEqual({ text: null, settled: false });
    clock.advance(101);
    expect(look()).toEqual({ text: null, settled: true });
    age(base, 10);
    expect(look('nodes.yml')).toEqual({ text: null, settled: true });
  });

  test('that cannot be a control file is unreadable, with the reason', async () => {
    const { base, look, write } = await watching();
    const reasons: [string, () => void][] = [
      ['(a directory)', () => mkdirSync(join(base, 'tagstate'))],
      ['(it holds NUL bytes)', () => write(Buffer.from('a\0b\n'))],
      ['(1048577 bytes, over the limit of 1 MiB)', () => write(Buffer.alloc(1024 * 1024 + 1, 'a'))],
      ['(not a regular file)', () => symlinkSync('/dev/null', join(base, 'tagstate'))],
      ['(too many symbolic links)', () => symlinkSync('tagstate', join(base, 'tagstate'))],
    ];
    for (const [reason, make] of reasons) {
      rmSync(join(base, 'tagstate'), { recursive: true, force: true });
      make();
      expect(look().text).toBe(reason);
    }
    rmSync(join(base, 'tagstate'));
    write(Buffer.alloc(1024 * 1024, 'a'));
    expect(look().text).toHaveLength(1024 * 1024);
  });

  test('that is a link is read where it points to, and seen to change there', async () => {
    const { base, look, write, clock } = await watching();
    write('one\n', 'elsewhere');
    symlinkSync('elsewhere', join(base, 'tagstate'));
    expect(look().text).toBe('one\n');
    clock.advance(200);
    write('three\n', 'elsewhere');
    expect(look().text).toBe('three\n');
  });

  test('with bytes that are no UTF-8 is read all the same', async () => {
    const { look, write } = await watching();
    write(Buffer.concat([Buffer.from('etchautotag-20261120-0800 bad J'), Buffer.from([0xf6]), Buffer.from('rg\n')]));
    expect(look().text).toBe('etchautotag-20261120-0800 bad J\ufffdrg\n');
  });

  test('that cannot be read is read again, for as long as it takes, although nothing about it changes', async () => {
    const { base, look } = await watching();
    const missing = join(base, 'not-mounted');
    mkdirSync(missing);
    writeFileSync(join(missing, 'tagstate'), 'here\n');
    symlinkSync('not-mounted/tagstate', join(base, 'tagstate'));
    renameSync(missing, `${missing}-yet`);
    expect(look().text).not.toBe('here\n');
    renameSync(`${missing}-yet`, missing);
    expect(look().text).toBe('here\n');
  });

  test('has an owner', async () => {
    const { files, write } = await watching();
    write('');
    expect(files.ownerOf('tagstate')).toBe(userInfo().username);
    expect(files.ownerOf('nodes.yml')).toBe('unknown');
  });
});

describe('the killswitch', () => {
  test.each<[string, (path: string) => unknown, string]>([
    ['a file with a message', (path) => writeFile(path, 'ask Ana\n\n'), 'ask Ana'],
    ['an empty file', (path) => writeFile(path, ''), ''],
    ['a directory', (path) => mkdir(path), ''],
    ['a link to nothing', (path) => symlink('nowhere', path), ''],
    ['a link to itself', (path) => symlink('killswitch', path), ''],
    ['a file that nobody may read', (path) => writeFile(path, '', { mode: 0 }), ''],
    ['a device', (path) => symlink('/dev/zero', path), ''],
  ])('stops everything where it is %s', async (_what, make, message) => {
    const { base, files } = await watching();
    expect(files.killswitch()).toEqual({ global: null, environments: new Map(), doubt: null });
    const before = files.killswitchTrace();
    await make(join(base, 'killswitch'));
    expect(files.killswitchTrace()).not.toBe(before);
    expect(files.killswitch()).toEqual({ global: message, environments: new Map(), doubt: null });
    await rm(join(base, 'killswitch'), { recursive: true });
    expect(files.killswitch().global).toBe(null);
  });

  test('says at most 64 KiB', async () => {
    const { base, files } = await watching();
    await writeFile(join(base, 'killswitch'), 'a'.repeat(100_000));
    expect(files.killswitch().global).toHaveLength(64 * 1024);
  });

  test('of environments are the names in killswitch.d, less dot files and copies of editors', async () => {
    const { base, files } = await watching();
    await mkdir(join(base, 'killswitch.d/production'), { recursive: true });
    const before = files.killswitchTrace();
    for (const name of ['.keep', '.qa.swp', 'qa~', 'staging']) await writeFile(join(base, 'killswitch.d', name), 'x\n');
    await symlink('nowhere', join(base, 'killswitch.d/dangling'));
    expect(files.killswitchTrace()).not.toBe(before);
    const { environments, doubt } = files.killswitch();
    expect([...environments]).toEqual([
      ['dangling', ''],
      ['production', ''],
      ['staging', 'x'],
    ]);
    expect(doubt).toBe(null);
  });

  test('is in doubt where the base or killswitch.d cannot be listed', async () => {
    const { base, files } = await watching();
    await writeFile(join(base, 'killswitch.d'), '');
    expect(files.killswitch().doubt).toBe('killswitch.d cannot be listed (a part of its path is no directory)');
    await rm(join(base, 'killswitch.d'));
    await symlink('nowhere', join(base, 'killswitch.d'));
    expect(files.killswitch().doubt).toBe('killswitch.d is a dangling link');
    await rename(base, `${base}-away`);
    expect(files.killswitch()).toMatchObject({
      global: null,
      doubt: 'the base directory cannot be listed (no such file)',
    });
    await writeFile(base, '');
    expect(files.killswitch().doubt).toContain('the base directory cannot be listed');
    await rm(base);
    await rename(`${base}-away`, base);
    await chmod(base, 0o755);
  });
});
