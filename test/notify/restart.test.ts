import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { NEWEST, type TestBase, testBase, useBases } from '../cli/base.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { kill9, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { isSigned, type Receiver, receiver } from './receiver.ts';

useBases();

const SECRET = 'a-secret-of-the-receiver';

async function baseTelling(targets: readonly { readonly name: string; readonly to: Receiver }[]): Promise<TestBase> {
  const secret = join(await disposableDirectory(), 'secret');
  writeFileSync(secret, SECRET, { mode: 0o600 });
  const told = targets.map(({ name, to }) => ({
    name,
    url: to.url,
    secret_file: secret,
    kinds: ['mark', 'kill', 'resume'],
  }));
  const yml = `repo: {url: ../config, branch: main}\nnotify: ${JSON.stringify({ targets: told, timeout_seconds: 1 })}\n`;
  return testBase({ 'server.yml': yml });
}

test('what happened is told after all, in order and signed, by a server that was killed in the middle of it and started again', async () => {
  const ops = await receiver();
  ops.answer('hang');
  const given = await baseTelling([{ name: 'ops', to: ops }]);
  const first = await serve(given.base);
  // From a process of its own, with a server that runs.
  expect((await given.run(['mark', NEWEST, 'bad', '--reason', 'first of all'])).code).toBe(0);
  await until('an attempt', () => ops.all[0]);
  await kill9(first);
  // While nobody runs.
  expect((await given.run(['kill', '--message', 'in between'])).code).toBe(0);
  ops.answer(200);
  await serve(given.base);
  await ops.heard('kill');
  expect((await given.run(['resume', '--reason', 'all is well'])).code).toBe(0);
  await ops.heard('resume');
  const kinds = ops.notifications().map(({ kind }) => kind);
  // What a file's owner did is told before who it was is known.
  expect([...new Set(kinds)]).toEqual(['mark', 'kill', 'resume']);
  expect(kinds).toEqual(
    [...kinds].sort((a, b) => ['mark', 'kill', 'resume'].indexOf(a) - ['mark', 'kill', 'resume'].indexOf(b)),
  );
  expect(ops.notifications()[0]).toMatchObject({ summary: `${NEWEST} bad: first of all` });
  expect(ops.taken[0]?.delivery).toBe(ops.all[0]?.delivery);
  for (const received of ops.taken) expect(isSigned(received, SECRET)).toBe(true);
});

test('notify --test tells of each target what it answered, and notify alone what waits', async () => {
  const [ops, broken] = [await receiver(), await receiver()];
  broken.answer(500);
  const given = await baseTelling([
    { name: 'ops', to: ops },
    { name: 'broken', to: broken },
  ]);
  const all = await given.run(['notify', '--test']);
  expect(all).toMatchObject({
    code: 1,
    stdout: expect.stringMatching(
      /^ops: taken, it answered 200\nbroken: not taken, http:\/\/127\.0\.0\.1:\d+ answered 500\n$/,
    ),
  });
  expect(await given.json(['notify', '--test', 'ops'])).toEqual({
    code: 0,
    value: { ok: true, targets: [{ target: 'ops', ok: true, sentence: 'it answered 200' }] },
  });
  expect(ops.notifications().map(({ kind }) => kind)).toEqual(['test', 'test']);
  expect(isSigned(ops.taken[0] ?? { headers: {}, body: '', delivery: '' }, SECRET)).toBe(true);
  expect((await given.run(['notify', '--test', 'nobody'])).stderr).toBe(
    'there is no target nobody\n→ those of notify.targets are ops, broken\n',
  );
  expect((await given.run(['notify'])).stdout).toBe(
    'ops: nothing waits, nothing delivered yet\nbroken: nothing waits, nothing delivered yet\n',
  );
  await serve(given.base);
  expect((await given.run(['mark', NEWEST, 'bad', '--reason', 'for both'])).code).toBe(0);
  await ops.heard('mark');
  await until('a failure', () => broken.all.find(({ body }) => body.includes('"mark"')));
  const shown = await until('what is shown of it', async () => {
    const { stdout } = await given.run(['notify']);
    return stdout.includes('not taken') ? stdout : undefined;
  });
  expect(shown).toMatch(
    /^ops: nothing waits, last delivered \S+Z\nbroken: \d waiting since \S+Z, nothing delivered yet\n/,
  );
  expect(shown).toMatch(/\n {2}not taken \d+ times, tried again at \S+Z: http:\/\/127\.0\.0\.1:\d+ answered 500\n$/);
});

test('where nobody is to be told, notify says so and how to change it', async () => {
  const given = await testBase();
  expect((await given.run(['notify'])).stdout).toMatch(/^nobody is told of anything.*\n→ samples\/server\.yml/);
  expect((await given.run(['notify', '--test'])).code).toBe(1);
});
