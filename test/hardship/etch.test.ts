import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { floorHour, type Hour, startOf, tagNameOf } from '../../protocol/names.ts';
import { currentTree, runClient } from '../client/run-client.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { gitEnvironment, writeFiles } from '../rig/git.ts';
import { age } from '../rig/server.ts';
import { runCommand, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';

const HOUR = floorHour(Date.now());
const FILES = { 'etc/motd': 'hello\n', 'etc/ntp.conf': 'server ntp.example.org\n', 'etc/link': { linkTo: 'motd' } };
const tag = (ago: number): string => tagNameOf(HOUR - ago);
const iso = (hour: Hour): string => new Date(startOf(hour)).toISOString();

/** Reads a file beside it by a relative name, as etch's own did. */
const NODETAGGER = `#!/bin/sh
while read -r host tag; do
  [ "$host" = "$1" ] && { echo "tags/$tag"; exit 0; }
done < assignments
echo "$1 is in no assignment" >&2
exit 1
`;
const TAGSTATE = `# etch's tagstate
tags/${tag(3)} bad   # broke ntp, see ticket 17
${tag(4)} GOOD
`;

async function git(cwd: string, args: readonly string[], at: string): Promise<void> {
  await execa('git', args, { cwd, env: gitEnvironment(at) });
}

/** Trunk, tagstate and nodetagger, and nothing that is new. */
async function etchBase({ trunkIsGit }: { trunkIsGit: boolean }): Promise<string> {
  const base = await disposableDirectory();
  const trunk = join(base, 'trunk');
  await mkdir(trunk);
  await writeFiles(trunk, FILES);
  if (trunkIsGit) {
    await git(trunk, ['init', '--quiet', '--initial-branch=main'], iso(HOUR));
    await git(trunk, ['add', '--all'], iso(HOUR));
    await git(trunk, ['commit', '--quiet', '--message=All'], iso(HOUR - 20));
  }
  await writeFile(join(base, 'assignments'), `web1 ${tag(2)}\nweb2 ${tag(3)}\n`);
  await writeFile(join(base, 'nodetagger'), NODETAGGER);
  await chmod(join(base, 'nodetagger'), 0o755);
  await writeFile(join(base, 'tagstate'), TAGSTATE);
  await age(join(base, 'tagstate'));
  return base;
}

async function asText(url: string, host: string): Promise<string> {
  const response = await fetch(`${url}/v1/nodes/${host}`, { headers: { accept: 'text/plain' } });
  const text = (await response.text()).trim();
  return response.ok ? text : ((JSON.parse(text) as { hold?: string; code: string }).hold ?? JSON.parse(text).code);
}

/** Runs a command on the base with no other setting, and answers what it printed. */
async function run(base: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([...args, '--base', base]);
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
  return stdout;
}

test('a base as etch had it is served as it is: trunk in git, tagstate, a nodetagger that reads its own files, and the killswitch', async () => {
  const base = await etchBase({ trunkIsGit: true });
  await run(base, 'check');
  expect(await run(base, 'snapshot', '--backfill', '6')).toContain('7 tags made from history');
  const { url } = await serve(base);
  expect(await asText(url, 'web1')).toBe(`tags/${tag(2)}`);
  expect(await asText(url, 'web2')).toBe('marked-bad');
  expect(await asText(url, 'web3')).toBe('nodetagger-failed');

  const target = await disposableDirectory();
  const poll = () => runClient(['poll', '--server', url, '--hostname', 'web1', '--target', target]);
  expect(await poll()).toMatchObject({ code: 0, stderr: '' });
  expect(await currentTree(target)).toEqual({ ...FILES, 'etc/link': '-> motd' });

  await writeFile(join(base, 'killswitch'), 'ntp is broken, ask Ana\n');
  const stopped = await poll();
  expect(stopped).toMatchObject({ code: 3, stderr: expect.stringContaining('ntp is broken, ask Ana') });
  await run(base, 'resume');
  expect(await poll()).toMatchObject({ code: 0 });
  expect(await readFile(join(base, 'tagstate'), 'utf8')).toBe(TAGSTATE);
});

test('every command works on such a base, and none of them changes what is etch’s', async () => {
  const base = await etchBase({ trunkIsGit: true });
  await run(base, 'snapshot', '--backfill', '6');
  const { url } = await serve(base);
  expect(await asText(url, 'web1')).toBe(`tags/${tag(2)}`);

  const shown = await Promise.all([
    run(base, 'tags'),
    run(base, 'explain', 'web1'),
    run(base, 'preview', '--mark', `${tag(2)}=bad`),
    run(base, 'nodes'),
    run(base, 'status'),
    run(base, 'events'),
    run(base, 'test', join(import.meta.dirname, '../core/decisions.json')),
  ]);
  for (const [index, words] of [
    tag(3),
    'the nodetagger answered',
    'nodetagger',
    'web1',
    'known node',
    tag(2),
    '0 not',
  ].entries())
    expect(shown[index]).toContain(words);
  expect(await run(base, 'mark', tag(2), 'bad', '--reason', 'broke dns')).toContain(`${tag(2)} is now bad`);
  await until('the mark to count', async () => (await asText(url, 'web1')) === 'marked-bad');
  expect(await run(base, 'mark', tag(2), 'none')).toContain('taken off');
  await until('the mark to be gone', async () => (await asText(url, 'web1')) === `tags/${tag(2)}`);
  expect(await run(base, 'pin', 'web1', tag(5), '--reason', 'trying')).toContain('web1');
  await until('the pin to count', async () => (await asText(url, 'web1')) === `tags/${tag(5)}`);
  expect(await run(base, 'unpin', 'web1')).toContain('web1');
  await until('the pin to be gone', async () => (await asText(url, 'web1')) === `tags/${tag(2)}`);
  expect(await run(base, 'kill', '--message', 'stop')).toContain('killswitch');
  expect(await asText(url, 'web1')).toBe('killswitch');
  expect(await run(base, 'resume')).toContain('is removed');
  expect(await asText(url, 'web1')).toBe(`tags/${tag(2)}`);
  expect(await run(base, 'snapshot')).toMatch(/exists already|is made/);
  await run(base, 'init');
  expect(await asText(url, 'web1')).toBe(`tags/${tag(2)}`);
  expect(await readFile(join(base, 'nodetagger'), 'utf8')).toBe(NODETAGGER);
  expect(await readFile(join(base, 'tagstate'), 'utf8')).toBe(TAGSTATE);
  await run(base, 'check');
});

test('such a base whose trunk is a plain directory, kept up to date by something else, is tagged and served with every file', async () => {
  const base = await etchBase({ trunkIsGit: false });
  await writeFile(join(base, 'trunk/.gitignore'), '*.conf\n');
  await run(base, 'snapshot');
  await writeFile(join(base, 'assignments'), `web1 ${tag(0)}\nweb2 ${tagNameOf(HOUR + 1)}\n`);
  const { url } = await serve(base);
  // The machine's hour may have turned before the snapshot.
  const host = (await asText(url, 'web1')) === `tags/${tag(0)}` ? 'web1' : 'web2';
  const target = await disposableDirectory();
  expect(await runClient(['poll', '--server', url, '--hostname', host, '--target', target])).toMatchObject({ code: 0 });
  expect(await currentTree(target)).toEqual({ ...FILES, 'etc/link': '-> motd', '.gitignore': '*.conf\n' });
});
