import { readFileSync, statSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { ask } from './ask.ts';
import { at, BASE, HOSTS, SCHEDULE, tagAt, train } from './train.ts';

const SCRIPT = join(import.meta.dirname, '../../samples/poll.sh');

test('a host with nothing but poll.sh gets its own view of layers and templates, with its permissions, and no hooks unless told so', async () => {
  const server = await train();
  const deploy = `layers: [common, "host/{hostname}"]
files: {"etc/secret": {perm: "0440"}}
hooks: [{when: "etc/motd", run: "systemctl reload motd"}]
`;
  await server.commit({
    'deploy.yml': deploy,
    'common/etc/motd.liquid': 'This is {{ hostname }}.\n',
    [`host/${HOSTS.dev}/etc/secret`]: 'for dev1 alone\n',
    'host/dev2.example.org/etc/secret': 'for dev2 alone\n',
  });
  await server.passTo(at('11:00'));
  const target = await disposableDirectory();
  const poll = (...more: string[]) =>
    execa('dash', [SCRIPT, '-s', server.url, '-n', HOSTS.dev, '-t', target, ...more], { reject: false });
  expect((await poll()).stderr).toContain('has hooks, which this client does not run');
  expect(await poll('--ignore-hooks')).toMatchObject({ exitCode: 0, stderr: '' });
  const read = (path: string) => readFileSync(join(target, 'current', path), 'utf8');
  expect([read('etc/motd'), read('etc/secret')]).toEqual([`This is ${HOSTS.dev}.\n`, 'for dev1 alone\n']);
  expect(statSync(join(target, 'current/etc/secret')).mode & 0o7777).toBe(0o440);
});

test('hosts with nothing but poll.sh report a tag that they cannot apply, the server halts it, and they are told the one before', async () => {
  const schedule = SCHEDULE.replace('int], hours: 0', 'int], hours: 0, halt_after: {failed: 2}');
  const server = await train({ files: { ...BASE, 'schedule.yml': schedule } });
  const [one, two] = [await disposableDirectory(), await disposableDirectory()];
  const poll = (target: string, host: string) =>
    execa('dash', [SCRIPT, '-s', server.url, '-n', host, '-t', target], { reject: false });
  for (const [target, host] of [
    [one, HOSTS.dev],
    [two, 'dev2.example.org'],
  ] as const)
    expect(await poll(target, host)).toMatchObject({ exitCode: 0, stderr: '' });
  const before = await readlink(join(one, 'current'));

  await server.commit({ 'etc/a "strange" name': 'x\n' });
  await server.passTo(at('11:00'));
  expect(await poll(one, HOSTS.dev)).toMatchObject({ exitCode: 1 });
  expect((await ask(server, HOSTS.dev)).gets).toBe('11');
  const second = await poll(two, 'dev2.example.org');
  expect(second.stderr).toContain('has a file that this client cannot handle');
  expect(readFileSync(join(server.base, 'tagstate'), 'utf8')).toBe(
    `${tagAt(11)} bad  # auto: 2 of 2 in development failed\n`,
  );
  expect(await poll(one, HOSTS.dev)).toMatchObject({ exitCode: 0, stdout: '', stderr: '' });
  expect([await readlink(join(one, 'current')), (await ask(server, HOSTS.dev)).gets]).toEqual([before, '10']);
});
