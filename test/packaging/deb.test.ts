import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { programDirectory, useBuiltProject } from '../rig/built-project.ts';
import { sourceRepository } from '../rig/git.ts';

const HERE = import.meta.dirname;
const project = useBuiltProject();

let isDebian = false;
beforeAll(async () => {
  isDebian = (await execa('dpkg-deb', ['--version'], { reject: false })).exitCode === 0;
});

async function build(out: string, version: string, env: Record<string, string> = {}): Promise<string[]> {
  const options = ['--out', out, '--compress', 'none', '--version', version];
  const { stdout } = await execa(process.execPath, ['packaging/deb.mjs', ...options], {
    cwd: project().directory,
    env: { SOURCE_DATE_EPOCH: '1795000000', ...env },
  });
  return stdout.split('\n');
}

const OLD = '0.1.0-rc.1';
let firstBuild: Promise<{ directory: string; files: string[] }> | undefined;

/** Built once: it takes Node itself in. */
function oldPackages(): Promise<{ directory: string; files: string[] }> {
  firstBuild ??= (async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
    return { directory, files: await build(directory, OLD) };
  })();
  return firstBuild;
}

afterAll(async () => {
  if (firstBuild !== undefined) await rm((await firstBuild).directory, { recursive: true });
});

async function sumOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}

test('the same sources make the same packages, byte by byte, with what Debian asks of them', async (context) => {
  if (!isDebian) context.skip('takes dpkg-deb');
  const { files } = await oldPackages();
  const again = await build(programDirectory(), OLD, { TZ: 'Asia/Tokyo' });
  expect(await Promise.all(again.map(sumOf))).toEqual(await Promise.all(files.map(sumOf)));
  const [client = '', server = ''] = files;
  const field = async (file: string, ...names: string[]) =>
    (await execa('dpkg-deb', ['--field', file, ...names])).stdout;
  expect(await field(client, 'Package', 'Version', 'Architecture', 'Depends')).toBe(
    'Package: tagwave\nVersion: 0.1.0~rc.1-1\nArchitecture: all\nDepends: nodejs (>= 18), adduser',
  );
  expect(await field(server, 'Depends')).toMatch(/libc6 \(>= 2\.\d+\).*adduser, git/);
  expect(await field(server, 'Architecture')).toBe((await execa('dpkg', ['--print-architecture'])).stdout);
  const contents = (await execa('dpkg-deb', ['--contents', server])).stdout.split('\n');
  const paths = contents.map(
    (line) =>
      line
        .replace(/ (->|link to) .*/, '')
        .split(/\s+/)
        .at(-1) ?? '',
  );
  for (const path of [
    'usr/share/doc/tagwave-server/copyright',
    'usr/share/doc/tagwave-server/changelog.Debian.gz',
    'lib/systemd/system/tagwave-server.service',
    'usr/lib/tagwave-server/node',
    'etc/tagwave/server.yml',
    'usr/share/man/man1/tagwave-server.1.gz',
    'usr/share/bash-completion/completions/tagwave-server',
    'usr/share/zsh/vendor-completions/_tagwave-server',
    'usr/share/fish/vendor_completions.d/tagwave-server.fish',
  ])
    expect(paths).toContain(`./${path}`);
  // Everything belongs to root, nobody else writes, and nothing of a developer's is in there.
  expect(contents.filter((line) => !/^[-dl]rw[-x]r-[-x]r-[-x] root\/root|^lrwxrwxrwx root\/root/.test(line))).toEqual(
    [],
  );
  expect(
    paths.filter((path) => /vitest|esbuild|typescript|playwright|\/test\/|\.(?:c|cc|h|gyp|o)$/.test(path)),
  ).toEqual([]);
  const ofClient = (await execa('dpkg-deb', ['--contents', client])).stdout;
  for (const path of [
    'man/man1/tagwave.1.gz',
    'bash-completion/completions/tagwave',
    'zsh/vendor-completions/_tagwave',
    'fish/vendor_completions.d/tagwave.fish',
  ])
    expect(ofClient).toMatch(new RegExp(` \\./usr/share/${path}$`, 'm'));
});

test('both packages are installed, started, polled, upgraded, removed and purged, and nothing is left behind', async (context) => {
  if (!isDebian || process.getuid?.() !== 0) context.skip('takes Debian, and root');
  const directory = programDirectory();
  const machine = (...command: string[]) =>
    execa(
      'unshare',
      [
        '--mount',
        '--pid',
        '--fork',
        '--mount-proc',
        '--kill-child',
        join(HERE, 'debian-machine.sh'),
        directory,
        ...command,
      ],
      { all: true, reject: false },
    );
  if ((await machine('true')).exitCode !== 0) context.skip('takes a kernel that lets root mount');
  if ((await execa('dpkg-query', ['-W', 'tagwave', 'tagwave-server'], { reject: false })).stdout !== '')
    context.skip('a package of this name is installed on this machine already');
  const old = await oldPackages();
  for (const file of old.files) await symlink(file, join(directory, basename(file)));
  await build(directory, '0.2.0');
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'hello\n' }, { at: new Date(Date.now() - 30 * 3_600_000).toISOString() });
  // The server's user has to read it.
  await execa('chmod', ['-R', 'a+rX', join(source.directory, '..')]);
  const { all, exitCode } = await machine(join(HERE, 'life.sh'), directory, '0.1.0~rc.1', '0.2.0', source.directory);
  expect({
    said: all
      .split('== ')
      .slice(1)
      .map((part) => part.trimEnd().split('\n')),
    exitCode,
  }).toEqual({
    exitCode: 0,
    said: [
      [
        'installed',
        '/etc/tagwave',
        '/etc/tagwave/server.yml',
        '/usr/bin/tagwave',
        '/usr/bin/tagwave-server',
        '/usr/lib/systemd/system/tagwave-server.service',
        '/usr/lib/tagwave-server',
        '/usr/share/bash-completion/completions/tagwave',
        '/usr/share/bash-completion/completions/tagwave-server',
        '/usr/share/fish/vendor_completions.d/tagwave-server.fish',
        '/usr/share/fish/vendor_completions.d/tagwave.fish',
        '/usr/share/lintian/overrides/tagwave-server',
        '/usr/share/zsh/vendor-completions/_tagwave',
        '/usr/share/zsh/vendor-completions/_tagwave-server',
        '/var/lib/tagwave-server',
        'tagwave-server',
        'tagwave-server 750 /var/lib/tagwave-server',
        'root 644 /etc/tagwave/server.yml',
        '/etc/tagwave: nothing is wrong with the control files.',
        'Usage: tagwave [options] [command]',
      ],
      [
        'configured',
        '/etc/tagwave: wrote schedule.yml, nodes.yml, tagstate, pins.',
        'tagwave-server',
        'tagwave-server',
        'changed      user tagwave',
        'changed      /var/lib/tagwave',
        'changed      /etc/tagwave/client.yml',
        'changed      /etc/cron.d/tagwave',
        'now on',
        'hello',
      ],
      [
        'upgraded',
        'tagwave 0.2.0-1 install ok installed',
        'tagwave-server 0.2.0-1 install ok installed',
        '1',
        ...['client.yml', 'nodes.yml', 'pins', 'schedule.yml', 'server.yml', 'tagstate'],
        'polls',
        'serving it',
      ],
      [
        'removed',
        '/etc/tagwave',
        ...['client.yml', 'nodes.yml', 'pins', 'schedule.yml', 'server.yml', 'tagstate'].map(
          (file) => `/etc/tagwave/${file}`,
        ),
        '/var/lib/tagwave',
        '/var/lib/tagwave-server',
        '1',
      ],
      ['purged'],
    ],
  });
}, 300_000);
