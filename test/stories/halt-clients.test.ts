import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ask, problem } from './ask.ts';
import { host } from './hosts.ts';
import { at, BASE, HOSTS, SCHEDULE, tagAt, train } from './train.ts';

test('when the hooks of a tag fail on enough hosts they go back by themselves, the server halts the tag, and nobody tries it again', async () => {
  const schedule = SCHEDULE.replace('int], hours: 0', 'int], hours: 0, halt_after: {failed: 2, percent: 50}');
  const server = await train({ files: { ...BASE, 'schedule.yml': schedule } });
  const names = [HOSTS.dev, 'dev2.example.org', 'dev3.example.org'];
  const hosts = await Promise.all(names.map(host));
  for (const one of hosts) expect(await one.poll(server.url)).toMatchObject({ code: 0, stderr: '' });
  const before = await Promise.all(hosts.map((one) => one.current()));

  await server.commit({ 'deploy.yml': 'hooks:\n  - {run: "echo the service does not start >&2; exit 7"}\n' });
  await server.passTo(at('11:00'));
  const [first, second, third] = hosts;
  expect((await first?.poll(server.url))?.code).toBe(1);
  expect((await ask(server, HOSTS.qa)).gets).toBe('10');
  expect((await second?.poll(server.url))?.code).toBe(1);
  expect(readFileSync(join(server.base, 'tagstate'), 'utf8')).toBe(
    `${tagAt(11)} bad  # auto: 2 of 3 in development rolled back\n`,
  );
  await problem(server, `halt:${tagAt(11)}`);
  expect(await third?.poll(server.url)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(await Promise.all(hosts.map((one) => one.current()))).toEqual(before);
  await server.passTo(at('12:00'));
  expect((await ask(server, HOSTS.qa)).gets).toBe('10');
});
