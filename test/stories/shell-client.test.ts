import { readFileSync } from 'node:fs';
import { readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { ask } from './ask.ts';
import { at, BASE, HOSTS, SCHEDULE, tagAt, train } from './train.ts';

const SCRIPT = join(import.meta.dirname, '../../samples/poll.sh');

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
