import { chmod, chown, readdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { NOBODY } from '../rig/nobody.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { runCommand, serve } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { BEFORE, HOSTS, NEWEST, type TestBase, testBase, useBases } from './base.ts';

useBases();

/** Another user, and a group that neither root nor nobody is in. */
const [TAGWAVE, ADMINS] = [61_234, 61_235];
const root = process.getuid?.() === 0;
const skips = root ? await whyNot() : 'the tests do not run as root, so that they cannot be somebody else';

/** Somebody else must be able to read the program that is tested. */
async function whyNot(): Promise<string | null> {
  const script = await serverBundle();
  for (let path = dirname(script); path !== '/'; path = dirname(path))
    if (((await stat(path)).mode & 0o005) !== 0o005) return `${path} is closed to other users`;
  return null;
}

const ownersBelow = async (directory: string): Promise<Set<number>> => {
  const names = await readdir(directory, { recursive: true });
  const owners = await Promise.all(names.map(async (name) => (await stat(join(directory, name))).uid));
  return new Set(owners);
};

/** A base that its server's user owns the state of, and everybody may read. */
async function sharedBase(): Promise<TestBase> {
  const given = await testBase();
  await chmod(given.root, 0o755);
  // Git takes nothing from a repository that belongs to somebody else.
  await execa('chown', ['-R', `${TAGWAVE}:${TAGWAVE}`, join(given.base, 'var'), given.source]);
  await execa('chmod', ['-R', 'go-w', given.root]);
  return given;
}

describe.skipIf(skips !== null)(
  `somebody in the group of the state, who may read it and the base, but not write them${skips ? ` (${skips})` : ''}`,
  () => {
    const member = { uid: NOBODY, gid: TAGWAVE };

    test('sees everything that only looks, also beside a running server, and no problem in not being able to write', async () => {
      const { run, json, base } = await sharedBase();
      const look = async () => {
        expect(await run(['status'], member)).toMatchObject({
          code: 0,
          stderr: '',
          stdout: expect.stringMatching(new RegExp(`${NEWEST}(.|\n)*4 known nodes, 1 silent`)),
        });
        const { problems } = (await json(['status'], member)).value as { problems: { id: string }[] };
        // The server makes this hour's tag; late in the hour it is stale, because this base was fetched an hour ago.
        expect(problems.filter(({ id }) => !id.startsWith('tag:stale:'))).toEqual([]);
        expect((await run(['tags'], member)).stdout).toContain(NEWEST);
        expect((await run(['nodes'], member)).stdout).toContain(HOSTS.web);
        expect((await run(['events', '--json'], member)).code).toBe(0);
        expect((await run(['explain', HOSTS.web], member)).stdout).toContain(NEWEST);
        expect((await run(['preview', '--mark', `${NEWEST}=bad`], member)).stdout).toContain(`→ ${BEFORE} (BACK)`);
        expect(await run(['check'], member)).toMatchObject({ code: 0, stderr: '' });
      };
      await look();
      const server = await serve(base, { uid: TAGWAVE });
      await look();
      server.child.kill('SIGTERM');
      expect(await server.ended).toMatchObject({ code: 0 });
      expect(await ownersBelow(join(base, 'var'))).toEqual(new Set([TAGWAVE]));
    });

    test('is told clearly that a change is not theirs to make, and changes nothing', async () => {
      const { run, read } = await sharedBase();
      const calls = [
        ['mark', NEWEST, 'bad'],
        ['mark', NEWEST, 'good'],
        ['pin', HOSTS.web, BEFORE],
        ['kill', '--message', 'x'],
        ['kill', 'production'],
        ['snapshot'],
      ];
      for (const args of calls) {
        const { code, stderr } = await run(args, { uid: NOBODY });
        expect([args, code]).toEqual([args, 1]);
        expect(stderr).toMatch(/permission denied|operation not permitted|EACCES|read and write/);
        expect(stderr).not.toMatch(/^ {4}at /m);
      }
      expect(await read('tagstate')).toBe('# marks\n');
    });

    test('who may write tagstate marks, while the state is none of theirs', async () => {
      const { run, read, base } = await sharedBase();
      await chown(base, 0, NOBODY);
      await chmod(base, 0o775);
      expect(await run(['mark', NEWEST, 'bad'], { uid: NOBODY })).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringContaining(`${NEWEST} is now bad`),
      });
      expect(await read('tagstate')).toBe(`# marks\n${NEWEST} bad\n`);
      expect(await ownersBelow(join(base, 'var'))).toEqual(new Set([TAGWAVE]));
    });

    test('may not take a file away from those who read it: the edit is refused, and what to do is said', async () => {
      const { run, read, base } = await sharedBase();
      await chmod(base, 0o777);
      await chown(join(base, 'pins'), NOBODY, ADMINS);
      await chmod(join(base, 'pins'), 0o640);
      const { code, stderr } = await run(['pin', HOSTS.web, BEFORE], { uid: NOBODY });
      expect([code, stderr]).toEqual([
        1,
        expect.stringContaining(`it cannot be given back to its group (${ADMINS}), who could then no longer read it`),
      ]);
      expect(await read('pins')).toBe(`${HOSTS.pinned} ${NEWEST} comparing\n`);
      expect((await readdir(base)).filter((name) => name.startsWith('.'))).toEqual([]);
    });

    test('is told which state directory cannot be read, without a stack trace', async () => {
      const { run, base } = await sharedBase();
      await chmod(join(base, 'var'), 0o700);
      const { code, stderr } = await run(['events'], { uid: NOBODY });
      expect([code, stderr]).toEqual([1, expect.stringMatching(/^no events can be read: /)]);
      expect((await run(['status'], { uid: NOBODY })).stderr).not.toContain('    at ');
    });
  },
);

describe.skipIf(skips !== null)(`root, for a server that runs as somebody else${skips ? ` (${skips})` : ''}`, () => {
  test('leaves nothing in the state that the server could not replace, and keeps owner, group and mode of what it edits', async () => {
    const { run, base } = await sharedBase();
    await chown(join(base, 'tagstate'), NOBODY, TAGWAVE);
    await chmod(join(base, 'tagstate'), 0o640);
    for (const args of [
      ['snapshot'],
      ['mark', NEWEST, 'bad'],
      ['pin', HOSTS.web, BEFORE],
      ['kill'],
      ['resume'],
      ['status'],
      ['explain', HOSTS.web],
    ])
      expect([args, (await run(args)).code]).toEqual([args, 0]);
    expect(await ownersBelow(join(base, 'var'))).toEqual(new Set([TAGWAVE]));
    const { uid, gid, mode } = await stat(join(base, 'tagstate'));
    expect([uid, gid, mode & 0o7777]).toEqual([NOBODY, TAGWAVE, 0o640]);
    expect((await stat(join(base, 'pins'))).uid).toBe(0);
    const server = await serve(base, { uid: TAGWAVE });
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    server.child.kill('SIGTERM');
    await server.ended;
  });

  test('who only looks creates no state', async () => {
    const base = await disposableDirectory();
    for (const args of [['status'], ['tags'], ['nodes'], ['preview', '--kill'], ['explain', 'web1']])
      expect([args, (await runCommand([...args, '--base', base])).code]).toEqual([args, 0]);
    expect(await readdir(base)).toEqual([]);
  });
});

describe.skipIf(skips !== null)(`a server whose files cannot be read by its user${skips ? ` (${skips})` : ''}`, () => {
  test('does not start where nothing is known of them, and goes on where something is', async () => {
    const { base } = await sharedBase();
    const options = { uid: TAGWAVE };
    await chmod(join(base, 'schedule.yml'), 0o600);
    const refused = await runCommand(['serve', '--base', base, '--listen', '127.0.0.1:0'], options);
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('schedule.yml line 1: expected a readable text file, found permission denied'),
    ]);
    await chmod(join(base, 'schedule.yml'), 0o644);
    const first = await serve(base, options);
    first.child.kill('SIGTERM');
    await first.ended;
    for (const file of ['schedule.yml', 'tagstate', 'nodes.yml', 'pins', 'server.yml'])
      await chmod(join(base, file), 0o600);
    const second = await serve(base, options);
    const answer = await fetch(`${second.url}/v1/nodes/${HOSTS.pinned}`, { headers: { accept: 'text/plain' } });
    expect((await answer.text()).trim()).toBe(`tags/${NEWEST}`);
    await until('all five files to be told as unreadable, once they settled', async () => {
      const { problems } = (await (await fetch(`${second.url}/v1/status`)).json()) as {
        problems: { sentence: string }[];
      };
      return problems.filter(({ sentence }) => sentence.includes('permission denied')).length === 5;
    });
    second.child.kill('SIGTERM');
    await second.ended;
  });
});
