import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { installDependencies, programDirectory, useBuiltProject } from '../rig/built-project.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';

const project = useBuiltProject();

interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** As `npm install --global --prefix` lays it out, with the dependencies that are there already. */
async function installed(): Promise<{ prefix: string; files: string[] }> {
  const { directory } = project();
  const { stdout } = await execa('npm', ['pack', '--ignore-scripts', '--json', '--pack-destination', directory], {
    cwd: directory,
  });
  const [packed] = JSON.parse(stdout) as Packed[];
  if (packed === undefined) throw new Error(stdout);
  const prefix = programDirectory();
  const home = join(prefix, 'lib/node_modules/tagwave');
  await mkdir(home, { recursive: true });
  await execa('tar', ['-xzf', join(directory, packed.filename), '-C', home, '--strip-components=1']);
  installDependencies(join(home, 'node_modules'));
  const { bin } = JSON.parse(await readFile(join(home, 'package.json'), 'utf8')) as { bin: Record<string, string> };
  await mkdir(join(prefix, 'bin'));
  for (const [name, file] of Object.entries(bin)) {
    await execa('chmod', ['+x', join(home, file)]);
    await symlink(join('../lib/node_modules/tagwave', file), join(prefix, 'bin', name));
  }
  return { prefix, files: packed.files.map(({ path }) => path) };
}

test('the npm package has both commands, what they need, and nothing that is only for developers', async () => {
  const { prefix, files } = await installed();
  expect(files).toEqual(
    expect.arrayContaining([
      'dist/tagwave-server.js',
      'dist/tagwave.cjs',
      'dist/install.sh',
      'samples/server.yml',
      'README.md',
      'LICENSE',
      'killswitch.md',
    ]),
  );
  expect(
    files.filter((path) =>
      /^(server|client|test|bench|packaging|node_modules)\/|fuzz|bench|\.env|\.pem$|\.key$/.test(path),
    ),
  ).toEqual([]);
  const { version } = JSON.parse(await readFile(join(project().directory, 'package.json'), 'utf8')) as {
    version: string;
  };
  const env = { PATH: `${join(prefix, 'bin')}:${process.env['PATH']}`, GIT_CONFIG_GLOBAL: '/dev/null' };
  expect((await execa('tagwave', ['--version'], { env })).stdout).toBe(version);
  const source = await sourceRepository();
  await source.commit({ 'etc/motd': 'hello\n' }, { at: new Date(Date.now() - 7_200_000).toISOString() });
  const base = join(await disposableDirectory(), 'base');
  const init = await execa(
    'tagwave-server',
    ['init', '--base', base, '--repo', source.directory, '--backfill', '1', '--json'],
    { env },
  );
  expect(JSON.parse(init.stdout)).toMatchObject({
    ok: true,
    tags: [expect.stringMatching(/^etchautotag-/), expect.any(String)],
  });
  const check = await execa('tagwave-server', ['check', '--base', base], { env });
  expect(check.stdout).toContain('nothing is wrong');
});
