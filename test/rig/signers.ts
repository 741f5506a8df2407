import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { onTestFinished } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { disposableDirectory } from './disposable.ts';
import { type Files, gitEnvironment, type SourceRepository } from './git.ts';

/** Somebody who can sign commits. */
export interface Signer {
  readonly name: string;
  /** What git is told in order to sign as this one. */
  readonly options: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** What goes into the file of those who may: a line of allowed signers, or an armoured key. */
  readonly allowed: string;
  /** By which messages name the key. */
  readonly key: string;
}

/** A fresh key of ssh. `restrict` stands between the principal and the key, such as `namespaces="file"`. */
export async function sshSigner(name: string, restrict = ''): Promise<Signer> {
  const path = join(await disposableDirectory(), 'key');
  await execa('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', path]);
  const [type = '', key = ''] = (await readFile(`${path}.pub`, 'utf8')).trim().split(' ');
  const { stdout } = await execa('ssh-keygen', ['-l', '-f', `${path}.pub`]);
  return {
    name,
    options: ['-c', 'gpg.format=ssh', '-c', `user.signingkey=${path}`],
    env: {},
    allowed: `${name} ${restrict} ${type} ${key}\n`,
    key: stdout.split(' ')[1] ?? '',
  };
}

export interface GpgLife {
  /** When it was made and expires, RFC 3339 and gpg's own words such as `seconds=60`. */
  readonly made?: string;
  readonly expires?: string;
  /** Exported as a revoked one. */
  readonly revoked?: boolean;
  /** Exported as gpg keeps it, without armour. */
  readonly binary?: boolean;
}

/** A fresh key of OpenPGP, in a home of its own, whose agent ends with the test. */
export async function gpgSigner(name: string, life: GpgLife = {}): Promise<Signer> {
  const home = join(await disposableDirectory(), 'gnupg');
  await mkdir(home, { mode: 0o700 });
  const env = { GNUPGHOME: home };
  const gpg = async (args: readonly string[], input = '') =>
    (await execa('gpg', ['--batch', '--quiet', ...args], { env, input, encoding: 'latin1' })).stdout;
  onTestFinished(async () => {
    await execa('gpgconf', ['--kill', 'all'], { env });
  });
  const { made, expires = 'never' } = life;
  const then = made === undefined ? [] : ['--faked-system-time', `${made.replace(/[-:Z]/g, '')}!`];
  const identity = `${name} <${name}@example.com>`;
  await gpg([...then, '--passphrase', '', '--quick-generate-key', identity, 'ed25519', 'sign', expires]);
  const listed = await gpg(['--list-keys', '--with-colons']);
  const key = /^fpr:+([0-9A-F]+):/m.exec(listed)?.[1] ?? '';
  const program = join(home, 'sign');
  await writeFile(program, `#!/bin/sh\nexec gpg --batch ${then.join(' ')} "$@"\n`, { mode: 0o755 });
  if (life.revoked === true) {
    const certificate = await readFile(join(home, 'openpgp-revocs.d', `${key}.rev`), 'latin1');
    // Kept for signing; only what is exported is revoked.
    const other = join(await disposableDirectory(), 'gnupg');
    await mkdir(other, { mode: 0o700 });
    const apart = async (args: readonly string[], input: string) =>
      (await execa('gpg', ['--batch', '--quiet', ...args], { env: { GNUPGHOME: other }, input })).stdout;
    await apart(['--import'], await gpg(['--armor', '--export', key]));
    await apart(['--import'], certificate.replace(/^:-/m, '-'));
    return signerOf({ name, env, program, key, allowed: await apart(['--armor', '--export', key], '') });
  }
  const armour = life.binary === true ? [] : ['--armor'];
  return signerOf({ name, env, program, key, allowed: await gpg([...armour, '--export', key]) });
}

function signerOf({ program, ...signer }: Omit<Signer, 'options'> & { readonly program: string }): Signer {
  const options = ['-c', 'gpg.format=openpgp', '-c', `gpg.program=${program}`, '-c', `user.signingkey=${signer.key}`];
  return { ...signer, allowed: `${signer.allowed}\n`, options };
}

/** Writes files and commits everything, signed. */
export async function signedCommit(
  source: SourceRepository,
  { by, files, at }: { readonly by: Signer; readonly files: Files; readonly at?: string },
): Promise<ObjectId> {
  await source.write(files);
  await source.git(['add', '--all', '--force']);
  await execa('git', [...by.options, 'commit', '--quiet', '--allow-empty', '-S', '-m', `by ${by.name}`], {
    cwd: source.directory,
    env: { ...gitEnvironment(at), ...by.env },
  });
  return (await source.git(['rev-parse', 'HEAD'])) as ObjectId;
}

/** Makes the tip what it is after its text was changed: a commit that no longer fits its signature, but is whole. */
export async function rewrittenTip(source: SourceRepository, change: (text: string) => string): Promise<ObjectId> {
  const { stdout } = await execa('git', ['cat-file', 'commit', 'HEAD'], {
    cwd: source.directory,
    stripFinalNewline: false,
  });
  const id = await source.git(['hash-object', '-t', 'commit', '-w', '--stdin'], { input: change(stdout) });
  await source.git(['update-ref', 'refs/heads/main', id]);
  return id as ObjectId;
}
