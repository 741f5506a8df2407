import { chmod, copyFile, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { composeCheck } from '../../server/compose-commands.ts';
import { check } from '../../server/operations/check.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, type SourceRepository, sourceRepository } from '../rig/git.ts';
import { failureOf, unwrap } from '../rig/records.ts';
import { gpgSigner, rewrittenTip, type Signer, signedCommit, sshSigner } from '../rig/signers.ts';

const AT = Date.parse('2026-11-20T08:00:00Z');

afterEach(() => {
  vi.unstubAllEnvs();
});

interface Given {
  readonly source: SourceRepository;
  readonly kind: 'ssh' | 'gpg';
  readonly allowed: string | Uint8Array;
  readonly requireFastForward?: boolean;
}

/** A repository that follows the source and takes only what those in the file have signed. */
async function verifying({ source, kind, allowed, requireFastForward = false }: Given) {
  const allowedSigners = join(await disposableDirectory(), 'allowed_signers');
  await writeFile(allowedSigners, allowed, 'latin1');
  const { repository, stateDir } = await preparedRepository(
    { kind: 'url', url: source.directory, branch: 'main' },
    { signatures: { kind, allowedSigners }, requireFastForward },
  );
  let at = AT;
  /** What is said of the tip after a fetch. */
  const fetched = async () => {
    at += 60_000;
    const { tip } = unwrap(await repository.fetch(at));
    return { tip: tip.id, verified: await repository.verify(tip.id, { afresh: true }) };
  };
  return { repository, stateDir, allowedSigners, fetched };
}

describe('a commit signed by ssh', () => {
  test('counts where its key is in the file, and names who signed', async () => {
    const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
    const tip = await signedCommit(source, { by: ada, files: { a: '1' } });
    const { repository, fetched } = await verifying({ source, kind: 'ssh', allowed: `# who may\n\n${ada.allowed}` });
    expect(unwrap((await fetched()).verified)).toBe(`ada@example.com (ED25519 key ${ada.key})`);
    expect((await repository.trunk())?.commit).toBe(tip);
  });

  test('counts in a repository with SHA-256 names', async () => {
    const source = await sourceRepository({ init: ['--object-format=sha256'] });
    const ada = await sshSigner('ada@example.com');
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const { fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    expect(unwrap((await fetched()).verified)).toContain('ada@example.com');
  });

  test('does not count with another key, which is named, nor without a signature', async () => {
    const source = await sourceRepository();
    const [ada, eve] = [await sshSigner('ada@example.com'), await sshSigner('ada@example.com')];
    const good = await signedCommit(source, { by: ada, files: { a: '1' } });
    const { repository, fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    await fetched();
    const wrong = await signedCommit(source, { by: eve, files: { a: '2' } });
    const { sentence } = failureOf((await fetched()).verified);
    expect(sentence).toContain(
      `the commit ${wrong.slice(0, 12)} ("by ada@example.com" by Ada <ada@example.org>) is signed with the key ssh-ed25519 ${eve.key}, which is not among those that are allowed`,
    );
    const unsigned = await source.commit({ a: '3' });
    expect(failureOf((await fetched()).verified).sentence).toBe(
      `the commit ${unsigned.slice(0, 12)} ("Change the configuration" by Ada <ada@example.org>) is not signed`,
    );
    expect((await repository.tip())?.commit).toBe(unsigned);
    expect((await repository.trunk())?.commit).toBe(good);
  });

  test('does not count where the commit was changed after it was signed', async () => {
    const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const { repository, fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    await rewrittenTip(source, (text) => text.replace('by ada', 'by eve'));
    expect(failureOf((await fetched()).verified).sentence).toContain(
      `is signed with the key ssh-ed25519 ${ada.key}, but the signature is not one of this content`,
    );
    expect(await repository.trunk()).toBeUndefined();
  });

  test('does not count where its key may sign other things only, or not at that time', async () => {
    const source = await sourceRepository();
    const ada = await sshSigner('ada@example.com');
    await signedCommit(source, { by: ada, files: { a: '1' }, at: '2026-11-20T06:00:00Z' });
    const restricted = (options: string) => ada.allowed.replace('  ', ` ${options} `);
    for (const [options, why] of [
      ['namespaces="file"', 'is not permitted for use in signature namespace "git"'],
      ['valid-before="20261101"', 'has expired'],
      ['valid-after="20261201"', 'is not yet valid'],
    ] as const) {
      const { fetched } = await verifying({ source, kind: 'ssh', allowed: restricted(options) });
      expect(failureOf((await fetched()).verified).sentence, options).toContain(why);
    }
    const { fetched } = await verifying({
      source,
      kind: 'ssh',
      allowed: restricted('namespaces="git",valid-after="20261101"'),
    });
    expect(unwrap((await fetched()).verified)).toContain(ada.key);
  });
});

describe('a commit signed by OpenPGP', () => {
  test('counts where its key is in the file, armoured or not, and names who signed', async () => {
    const source = await sourceRepository();
    const [ada, bob] = [await gpgSigner('ada'), await gpgSigner('bob', { binary: true })];
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const armoured = await verifying({
      source,
      kind: 'gpg',
      allowed: `${(await gpgSigner('carol')).allowed}${ada.allowed}`,
    });
    expect(unwrap((await armoured.fetched()).verified)).toBe(`ada <ada@example.com> (key ${ada.key})`);
    await signedCommit(source, { by: bob, files: { a: '2' } });
    const binary = await verifying({ source, kind: 'gpg', allowed: bob.allowed.slice(0, -1) });
    expect(unwrap((await binary.fetched()).verified)).toBe(`bob <bob@example.com> (key ${bob.key})`);
  });

  test('does not count with an unknown, expired or revoked key, or where it was changed, and says so', async () => {
    const source = await sourceRepository();
    const [ada, eve] = [await gpgSigner('ada'), await gpgSigner('eve')];
    const old = await gpgSigner('old', { made: '2025-01-01T00:00:00Z', expires: 'seconds=86400' });
    const lost = await gpgSigner('lost', { revoked: true });
    const allowed = `${ada.allowed}${old.allowed}${lost.allowed}`;
    const { repository, fetched } = await verifying({ source, kind: 'gpg', allowed });
    const saidOf = async (by: Signer) => {
      await signedCommit(source, { by, files: { a: by.name } });
      return failureOf((await fetched()).verified).sentence;
    };
    expect(await saidOf(eve)).toContain(`is signed with the key ${eve.key.slice(-16)}, which is not among those`);
    expect(await saidOf(old)).toContain(
      `is signed by old <old@example.com> (key ${old.key.slice(-16)}), a key that has expired`,
    );
    expect(await saidOf(lost)).toContain(
      `is signed by lost <lost@example.com> (key ${lost.key.slice(-16)}), a key that was revoked`,
    );
    await signedCommit(source, { by: ada, files: { a: 'ada' } });
    await rewrittenTip(source, (text) => text.replace('by ada', 'by eve'));
    expect(failureOf((await fetched()).verified).sentence).toContain('by ada <ada@example.com>');
    expect(await repository.trunk()).toBeUndefined();
  });
});

describe('signatures', () => {
  test('of the wrong kind do not count, whatever keys the server’s user has', async () => {
    const source = await sourceRepository();
    const [ada, gpg] = [await sshSigner('ada@example.com'), await gpgSigner('ada')];
    // What git would use by itself.
    vi.stubEnv('GNUPGHOME', gpg.env['GNUPGHOME'] ?? '');
    await signedCommit(source, { by: gpg, files: { a: '1' } });
    const bySsh = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    expect(failureOf((await bySsh.fetched()).verified).sentence).toContain(
      'is signed by OpenPGP, and repo.verify asks for ssh',
    );
    await signedCommit(source, { by: ada, files: { a: '2' } });
    const byGpg = await verifying({ source, kind: 'gpg', allowed: gpg.allowed });
    expect(failureOf((await byGpg.fetched()).verified).sentence).toContain(
      'is signed by ssh, and repo.verify asks for gpg',
    );
  });

  test('are counted: a second one beside a good one makes both worthless', async () => {
    const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const { fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    await rewrittenTip(source, (text) => {
      const [signature = ''] = /^gpgsig .*\n(?: .*\n)*/m.exec(text) ?? [];
      return text.replace(signature, `${signature}${signature}`);
    });
    expect(failureOf((await fetched()).verified).sentence).toContain('has more than one signature');
  });

  test('are checked by nobody’s configuration: neither the user’s nor the source’s says who may sign', async () => {
    const source = await sourceRepository();
    const [ada, eve] = [await sshSigner('ada@example.com'), await sshSigner('eve@example.com')];
    const evil = join(await disposableDirectory(), 'gitconfig');
    const allowEve = join(await disposableDirectory(), 'eve');
    await writeFile(allowEve, eve.allowed);
    await writeFile(
      evil,
      `[gpg "ssh"]\n\tallowedSignersFile = ${allowEve}\n\tprogram = /bin/true\n[gpg]\n\tprogram = /bin/true\n`,
    );
    vi.stubEnv('GIT_CONFIG_GLOBAL', evil);
    vi.stubEnv('GIT_CONFIG_COUNT', '1');
    vi.stubEnv('GIT_CONFIG_KEY_0', 'gpg.ssh.allowedSignersFile');
    vi.stubEnv('GIT_CONFIG_VALUE_0', allowEve);
    await source.git(['config', 'gpg.ssh.allowedSignersFile', allowEve]);
    await signedCommit(source, {
      by: eve,
      files: { a: '1', '.gitconfig': `[gpg "ssh"]\n\tallowedSignersFile = ${allowEve}\n` },
    });
    const { fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    expect(failureOf((await fetched()).verified).sentence).toContain('which is not among those that are allowed');
  });

  test('count by the file as it is at the next fetch: who is added may, who is taken out may not', async () => {
    const source = await sourceRepository();
    const [ada, bob] = [await sshSigner('ada@example.com'), await sshSigner('bob@example.com')];
    const first = await signedCommit(source, { by: ada, files: { a: '1' } });
    const second = await signedCommit(source, { by: bob, files: { a: '2' } });
    const { repository, allowedSigners, fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    failureOf((await fetched()).verified);
    expect(await repository.trunk()).toBeUndefined();
    await writeFile(allowedSigners, `${ada.allowed}${bob.allowed}`);
    unwrap((await fetched()).verified);
    expect((await repository.trunk())?.commit).toBe(second);
    await writeFile(allowedSigners, ada.allowed);
    failureOf((await fetched()).verified);
    expect(await repository.trunk()).toBeUndefined();
    expect(unwrap(await repository.verify(first))).toContain('ada@example.com');
  });

  test('leave trunk at the last tip that counts, and what comes after is compared with that one', async () => {
    const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
    const good = await signedCommit(source, { by: ada, files: { a: '1' } });
    const { repository, fetched } = await verifying({
      source,
      kind: 'ssh',
      allowed: ada.allowed,
      requireFastForward: true,
    });
    await fetched();
    await source.commit({ a: 'not signed' });
    failureOf((await fetched()).verified);
    expect((await repository.trunk())?.commit).toBe(good);
    // Taken back by force: nothing that was released is rewritten.
    await source.git(['reset', '--quiet', '--hard', good]);
    const next = await signedCommit(source, { by: ada, files: { a: '2' } });
    const result = unwrap(await repository.fetch(AT + 3_600_000));
    expect(result.rewritten).toBe(false);
    expect((await repository.trunk())?.commit).toBe(next);
  });
});

describe('what cannot be checked is not released, and the reason names what is missing', () => {
  async function trouble(kind: 'ssh' | 'gpg', spoil: (path: string) => Promise<void>) {
    const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const { repository, allowedSigners, fetched } = await verifying({ source, kind, allowed: ada.allowed });
    await spoil(allowedSigners);
    const { sentence } = failureOf((await fetched()).verified);
    expect(await repository.trunk()).toBeUndefined();
    return sentence.replace(allowedSigners, 'FILE');
  }

  test('a file of those who may sign that is gone, empty, a directory, too large, or has no key', async () => {
    expect(await trouble('ssh', (path) => rm(path))).toBe('FILE cannot be used: no such file');
    expect(await trouble('ssh', (path) => writeFile(path, ''))).toContain('FILE holds no line of allowed signers');
    expect(await trouble('gpg', (path) => writeFile(path, 'rubbish\n'))).toContain('FILE holds no public key');
    expect(await trouble('ssh', (path) => writeFile(path, 'x'.repeat(1_100_000)))).toBe(
      'FILE is larger than 1048576 bytes',
    );
    expect(
      await trouble('ssh', async (path) => {
        await rm(path);
        await mkdir(path);
      }),
    ).toBe('FILE is no file');
  });

  test('a file that holds a secret key is refused', async () => {
    const source = await sourceRepository();
    const ada = await gpgSigner('ada');
    const { stdout } = await execa('gpg', ['--batch', '--armor', '--export-secret-keys', ada.key], { env: ada.env });
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const { fetched } = await verifying({ source, kind: 'gpg', allowed: `${stdout}\n` });
    expect(failureOf((await fetched()).verified).sentence).toContain('holds a secret key');
  });

  test('a file in the repository itself, by whatever name it is reached', async () => {
    const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
    await signedCommit(source, { by: ada, files: { signers: ada.allowed } });
    const sentence = await trouble('ssh', async (path) => {
      await rm(path);
      await symlink(join(source.directory, 'signers'), path);
    });
    // That source is another one: it is only refused where it is the one that is released.
    expect(sentence).toContain('is not among those that are allowed');
    const { repository } = await preparedRepository(
      { kind: 'directory', path: source.directory, update: null },
      { signatures: { kind: 'ssh', allowedSigners: join(source.directory, 'signers') } },
    );
    const { tip } = unwrap(await repository.fetch(AT));
    expect(failureOf(await repository.verify(tip.id)).sentence).toContain(
      'whoever commits there could say who may sign',
    );
  });

  test('ssh-keygen or gpg that is not installed', async () => {
    const path = process.env['PATH'] ?? '';
    const source = await sourceRepository();
    const [ada, bob] = [await sshSigner('ada@example.com'), await gpgSigner('bob')];
    await signedCommit(source, { by: ada, files: { a: '1' } });
    const ssh = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
    vi.stubEnv('PATH', await placeWith(['git', 'timeout', 'flock', 'sh']));
    const again = await preparedRepository(
      { kind: 'url', url: source.directory, branch: 'main' },
      {
        signatures: { kind: 'ssh', allowedSigners: ssh.allowedSigners },
      },
    );
    const { tip } = unwrap(await again.repository.fetch(AT));
    expect(failureOf(await again.repository.verify(tip.id)).sentence).toContain(
      "the command 'ssh-keygen' is missing or too old",
    );
    const place = process.env['PATH'] ?? '';
    vi.stubEnv('PATH', path);
    await signedCommit(source, { by: bob, files: { a: '2' } });
    const gpg = await verifying({ source, kind: 'gpg', allowed: bob.allowed });
    vi.stubEnv('PATH', place);
    const third = await preparedRepository(
      { kind: 'url', url: source.directory, branch: 'main' },
      {
        signatures: { kind: 'gpg', allowedSigners: gpg.allowedSigners },
      },
    );
    const fetched = unwrap(await third.repository.fetch(AT));
    expect(failureOf(await third.repository.verify(fetched.tip.id)).sentence).toContain(
      "the command 'gpg' is not installed",
    );
  });

  test('is an error of the settings, too: check names the file, or the directory, before anything is fetched', async () => {
    const base = await disposableDirectory();
    const ada = await sshSigner('ada@example.com');
    const env = { TAGWAVE_REPO_URL: 'https://git.example.com/c.git', TAGWAVE_REPO_ALLOWED_SIGNERS: 'signers' };
    const found = async (more: Readonly<Record<string, string>>) => {
      const ports = await composeCheck({ base, env: { ...env, ...more }, flags: {} });
      return check(ports).map(({ severity, sentence }) => `${severity}: ${sentence.replaceAll(base, 'BASE')}`);
    };
    const [ssh, gpg] = [{ TAGWAVE_REPO_VERIFY: 'ssh' }, { TAGWAVE_REPO_VERIFY: 'gpg' }];
    expect(await found(ssh)).toEqual(['error: BASE/signers cannot be used: no such file']);
    await writeFile(join(base, 'signers'), ada.allowed);
    expect(await found(ssh)).toEqual([]);
    expect((await found(gpg))[0]).toContain('error: BASE/signers holds no public key');
    await mkdir(join(base, 'trunk'));
    const plain = { ...ssh, TAGWAVE_REPO_DIRECTORY: 'trunk' };
    const ports = await composeCheck({ base, env: { ...plain, TAGWAVE_REPO_ALLOWED_SIGNERS: 'signers' }, flags: {} });
    expect(check(ports)[0]?.sentence).toBe(
      `${join(base, 'trunk')} is no git work tree, and only commits can be signed (repo.verify)`,
    );
  });

  test('a directory that is no git work tree', async () => {
    const directory = join(await disposableDirectory(), 'plain');
    await mkdir(directory);
    await writeFile(join(directory, 'a'), '1');
    const ada = await sshSigner('ada@example.com');
    const allowedSigners = join(await disposableDirectory(), 'allowed_signers');
    await writeFile(allowedSigners, ada.allowed);
    const { repository } = await preparedRepository(
      { kind: 'directory', path: directory, update: null },
      { signatures: { kind: 'ssh', allowedSigners } },
    );
    const { tip } = unwrap(await repository.fetch(AT));
    expect(failureOf(await repository.verify(tip.id)).sentence).toBe(
      `${directory} is no git work tree, and only commits can be signed (repo.verify)`,
    );
    expect(await repository.trunk()).toBeUndefined();
  });
});

test('a git work tree given as a directory is verified at its HEAD', async () => {
  const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
  await signedCommit(source, { by: ada, files: { a: '1' } });
  const allowedSigners = join(await disposableDirectory(), 'allowed_signers');
  await writeFile(allowedSigners, ada.allowed);
  const { repository } = await preparedRepository(
    { kind: 'directory', path: source.directory, update: null },
    { signatures: { kind: 'ssh', allowedSigners } },
  );
  const { tip } = unwrap(await repository.fetch(AT));
  expect(unwrap(await repository.verify(tip.id))).toContain(ada.key);
});

test('content that is not what a signed commit names is refused by the fetch', async () => {
  const [source, ada] = [await sourceRepository(), await sshSigner('ada@example.com')];
  await signedCommit(source, { by: ada, files: { motd: 'as it was signed\n' } });
  const { repository, fetched } = await verifying({ source, kind: 'ssh', allowed: ada.allowed });
  unwrap((await fetched()).verified);
  const next = await signedCommit(source, { by: ada, files: { motd: 'the next\n' } });
  // Another content under the same name.
  const named = await source.git(['rev-parse', 'HEAD:motd']);
  const forged = await source.git(['hash-object', '-w', '--stdin'], { input: 'forged\n' });
  const pathOf = (id: string) => join(source.directory, '.git/objects', id.slice(0, 2), id.slice(2));
  await chmod(pathOf(named), 0o644);
  await copyFile(pathOf(forged), pathOf(named));
  failureOf(await repository.fetch(AT + 3_600_000));
  expect((await repository.trunk())?.commit).not.toBe(next);
});

test('what is made of the file lies in the state directory, for its owner only, and nothing else of it stays', async () => {
  const [source, ada] = [await sourceRepository(), await gpgSigner('ada')];
  await signedCommit(source, { by: ada, files: { a: '1' } });
  const { stateDir, fetched } = await verifying({ source, kind: 'gpg', allowed: ada.allowed });
  unwrap((await fetched()).verified);
  const place = join(stateDir, 'signers');
  const [edition = '', ...others] = await readdir(place);
  expect(others).toEqual([]);
  for (const path of [place, join(place, edition)]) expect((await stat(path)).mode & 0o077, path).toBe(0);
  expect((await readdir(join(place, edition))).filter((name) => !/^(gpg\.conf|pubring\.kbx~?)$/.test(name))).toEqual(
    [],
  );
});

/** A directory with links to these commands, as the only place where commands are found. */
async function placeWith(names: readonly string[]): Promise<string> {
  const place = await disposableDirectory();
  for (const name of names) {
    const { stdout } = await execa('which', [name]);
    await symlink(stdout.trim(), join(place, name));
  }
  return place;
}
