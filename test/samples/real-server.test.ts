import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, cp, mkdir, readdir, readFile, readlink, rm, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { floorHour, tagNameOf } from '../../protocol/names.ts';
import { makeSampleRepository } from '../../samples/sample-repository.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const ROOT = join(import.meta.dirname, '../..');
const SAMPLES = join(ROOT, 'samples');
const NODE = ['--import', join(ROOT, 'node_modules/tsx/dist/esm/index.mjs'), join(ROOT, 'server/main.ts')];

const command = (...args: string[]) => execa(process.execPath, [...NODE, ...args]);

/** The sample base on the sample repository with its past hours, as people copy them together. */
async function sampleBase(): Promise<string> {
  const base = await disposableDirectory();
  await cp(join(SAMPLES, 'base'), base, { recursive: true });
  await makeSampleRepository(SAMPLES, join(base, 'trunk'), Date.now());
  return base;
}

/** The real server on a base, until the test ends. */
async function serve(base: string, env: Record<string, string> = {}) {
  // As if they had been there for a while: nobody has to wait until they are left alone.
  for (const file of await readdir(base)) await utimes(join(base, file), 1_700_000_000, 1_700_000_000);
  await command('snapshot', '--backfill', '10', '--base', base);
  const server = spawn(process.execPath, [...NODE, 'serve', '--base', base, '--listen', '127.0.0.1:0'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(server, 'exit');
  onTestFinished(async () => {
    server.kill('SIGTERM');
    await ended;
  });
  const [url] = (await once(createInterface(server.stdout), 'line')) as [string];
  const ask = async (hostname: string) => {
    const answer = await fetch(`${url}/v1/nodes/${hostname}`, { headers: { accept: 'text/plain' } });
    return (await answer.text()).trim();
  };
  return { url, ask };
}

/** The tag of so many hours ago. Tests that span the turn of an hour may see the one before or after. */
const tagsAgo = (hours: number, since: number): string[] =>
  [since, Date.now()].map((at) => `tags/${tagNameOf(floorHour(at) - hours)}`);

test('the sample base and the sample repository work together, and poll.sh gets every file of the repository from the real server', async () => {
  const since = Date.now();
  const base = await sampleBase();
  const { url, ask } = await serve(base);
  expect(tagsAgo(4, since)).toContain(await ask('web2.example.com'));
  expect(tagsAgo(3, since)).toContain(await ask('web1.example.com'));
  expect(tagsAgo(0, since)).toContain(await ask('ci.dev.example.com'));

  const target = await disposableDirectory();
  const poll = () =>
    execa('dash', [join(SAMPLES, 'poll.sh'), '-s', url, '-n', 'ci.dev.example.com', '-t', target], { reject: false });
  expect(await poll()).toMatchObject({ exitCode: 0, stderr: '' });
  await execa('diff', ['-r', '--no-dereference', '--exclude=.git', join(base, 'trunk'), join(target, 'current/')]);
  expect(await readlink(join(target, 'current/etc/nginx/sites-enabled/www.conf'))).toBe('../sites-available/www.conf');
  expect(await poll()).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });

  const nodes = (await (await fetch(`${url}/v1/nodes`)).json()) as { readonly nodes: readonly { hostname: string }[] };
  expect(nodes.nodes.find(({ hostname }) => hostname === 'ci.dev.example.com')).toMatchObject({
    lastReport: { outcome: 'applied', clientVersion: 'poll.sh' },
  });

  const digest = (await readFile(join(target, 'poll.state'), 'utf8')).split('\n')[1];
  const sums = await (await fetch(`${url}/v1/views/${digest}/manifest?format=sha256sum`)).text();
  await execa('sha256sum', ['--check', '--strict', '--quiet'], { cwd: join(target, 'current'), input: sums });

  await writeFile(join(base, 'killswitch'), 'ntp broken, ask Ana\n\u001b[2J');
  const stopped = await poll();
  expect(stopped).toMatchObject({ exitCode: 3, stdout: '' });
  expect(stopped.stderr).toBe('poll.sh: killswitch: ntp broken, ask Ana [2J');
  await rm(join(base, 'killswitch'));
  expect(await poll()).toMatchObject({ exitCode: 0 });
});

test('a base laid out as etch had it, with nodetagger.sh as its nodetagger, works without a setting', async () => {
  const since = Date.now();
  const base = await disposableDirectory();
  await makeSampleRepository(SAMPLES, join(base, 'trunk'), Date.now());
  await copyFile(join(SAMPLES, 'nodetaggers/nodetagger.sh'), join(base, 'nodetagger'));
  await writeFile(join(base, 'nodes.yml'), 'qa1.example.com:\n- web\n- qa\n');
  await writeFile(
    join(base, 'tagstate'),
    `${tagNameOf(floorHour(since) - 1)} bad\n${tagNameOf(floorHour(since) - 4)} badfwd\n`,
  );
  const { ask } = await serve(base);
  expect(tagsAgo(2, since)).toContain(await ask('qa1.example.com'));
  expect(tagsAgo(3, since)).toContain(await ask('unknown.example.com'));
});

test('nodetagger.mjs and the nodegrouper are called by the real server: groups from names, odd hosts before even ones', async () => {
  const since = Date.now();
  const base = await sampleBase();
  await rm(join(base, 'nodes.yml'));
  await mkdir(join(base, 'nodetaggers'));
  await copyFile(join(SAMPLES, 'nodetaggers/nodetagger.mjs'), join(base, 'nodetaggers/nodetagger.mjs'));
  await copyFile(join(SAMPLES, 'nodegrouper'), join(base, 'nodegrouper'));
  const { ask } = await serve(base, { TAGWAVE_NODETAGGER: 'nodetaggers/nodetagger.mjs' });
  expect(tagsAgo(1, since)).toContain(await ask('web1.qa.example.com'));
  expect(tagsAgo(3, since)).toContain(await ask('web1.west.example.com'));
  expect(tagsAgo(4, since)).toContain(await ask('web2.west.example.com'));
});
