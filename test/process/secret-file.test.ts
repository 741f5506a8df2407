import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readSecret } from '../../server/adapters/files/secret-file.ts';
import { masked } from '../../server/adapters/known-secrets.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const SENTINEL = 's3ntinel/of+a-secret';

async function secretFile(content: string | Uint8Array, mode = 0o600): Promise<string> {
  const path = join(await disposableDirectory(), 'secret');
  await writeFile(path, content, { mode });
  await chmod(path, mode);
  return path;
}

function credentialsIn(directory: string | undefined): void {
  const before = process.env['CREDENTIALS_DIRECTORY'];
  const set = (value: string | undefined) => {
    if (value === undefined) delete process.env['CREDENTIALS_DIRECTORY'];
    else process.env['CREDENTIALS_DIRECTORY'] = value;
  };
  set(directory);
  onTestFinished(() => set(before));
}

const read = (place: string, limitBytes?: number) =>
  readSecret({ setting: 'repo.token_file', place, ...(limitBytes === undefined ? {} : { limitBytes }) });

describe('a secret in a file', () => {
  test('is what the file holds, without the newline at its end', async () => {
    for (const content of [`${SENTINEL}\n`, `${SENTINEL}\r\n`, SENTINEL]) {
      const path = await secretFile(content);
      expect(read(path)).toEqual({ ok: true, value: { text: SENTINEL, path, problems: [] } });
    }
    const lines = await secretFile('one\ntwo\n\n');
    expect(read(lines)).toMatchObject({ value: { text: 'one\ntwo\n' } });
  });

  test('is what systemd hands over under a name, wherever it does', async () => {
    const directory = await disposableDirectory();
    await writeFile(join(directory, 'git-token'), `${SENTINEL}\n`, { mode: 0o400 });
    credentialsIn(directory);
    expect(read('credential:git-token')).toMatchObject({ ok: true, value: { text: SENTINEL } });
    for (const name of ['', '.', '..', '../secret', 'a/b', 'git-token\n'])
      expect(read(`credential:${name}`)).toMatchObject({
        ok: false,
        sentence: expect.stringContaining('no name of a credential'),
      });
  });

  test('says how a credential gets there where systemd has handed over none', () => {
    credentialsIn(undefined);
    expect(read('credential:git-token')).toEqual({
      ok: false,
      sentence: expect.stringMatching(/^repo\.token_file: there is no credential:git-token: CREDENTIALS_DIRECTORY/),
      hint: expect.stringContaining('LoadCredential=git-token:'),
    });
  });

  test('that every user may read or write is used, and a problem says what to do', async () => {
    const path = await secretFile(SENTINEL, 0o646);
    expect(read(path)).toMatchObject({
      ok: true,
      value: {
        problems: [
          {
            id: 'secret:exposed:repo.token_file',
            severity: 'warning',
            sentence: `repo.token_file: every user of this machine may read and write ${path}`,
            hint: expect.stringContaining(`chmod o= ${path}`),
          },
        ],
      },
    });
    expect(read(await secretFile(SENTINEL, 0o640))).toMatchObject({ value: { problems: [] } });
  });

  test('that cannot be used is an error with setting and path, and never with its content', async () => {
    const directory = await disposableDirectory();
    await mkdir(join(directory, 'directory'));
    await execa('mkfifo', [join(directory, 'fifo')]);
    const cases: readonly (readonly [string, RegExp, number?])[] = [
      [join(directory, 'missing'), /no such file/],
      [join(directory, 'directory'), /no regular file/],
      // Nobody writes into it: it must not be waited for.
      [join(directory, 'fifo'), /no regular file/],
      ['/dev/zero', /no regular file/],
      [await secretFile('\n'), /empty/],
      [await secretFile(SENTINEL), /more than 10 bytes/, 10],
      ['relative/path', /no absolute path/],
    ];
    for (const [path, why, limit] of cases) {
      const failed = read(path, limit);
      expect(failed).toMatchObject({ ok: false, sentence: expect.stringMatching(why) });
      expect(failed).toMatchObject({ sentence: expect.stringContaining(`repo.token_file: ${path}`) });
      expect(JSON.stringify(failed)).not.toContain(SENTINEL);
    }
    expect(read(await secretFile(SENTINEL), SENTINEL.length)).toMatchObject({ ok: true });
  });

  test('that was read is masked from then on, also as HTTP and URLs write it', async () => {
    const fresh = 'never+seen/before:42';
    expect(masked(`it was ${fresh}`)).toContain(fresh);
    read(await secretFile(fresh));
    for (const form of [fresh, Buffer.from(fresh).toString('base64'), encodeURIComponent(fresh)])
      expect(masked(`it was ${form}!`)).toMatch(/^it was \*\*\*=*!$/);
  });
});
