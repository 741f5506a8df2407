import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, chown, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isPrivateLine } from '../../client/core/private-line.ts';
import { nodeTokenFrom, parseToken } from '../../client/core/token.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';
import { answer, type EnrolmentServer, enrolmentServer, problem, sha256 } from './enrolment-server.ts';
import { type Ended, runClient, runProcess, startClient } from './run-client.ts';

const JOIN = `twj_${'j'.repeat(43)}`;
const NOBODY = 65_534;

interface Host {
  readonly server: EnrolmentServer;
  readonly target: string;
  /** Runs a command with the flags of this host. */
  run(command: string, ...more: readonly string[]): Promise<Ended>;
  args(command: string, ...more: readonly string[]): string[];
  token(name?: 'token' | 'token.next'): Promise<string | undefined>;
  /** Digests that were handed in, in order. */
  handed(): readonly unknown[];
}

async function host(): Promise<Host> {
  const server = await enrolmentServer();
  const target = await disposableDirectory();
  const args = (command: string, ...more: readonly string[]): string[] => [
    ...[command, '--server', server.url, '--hostname', 'web1', '--target', target],
    ...more,
  ];
  return {
    server,
    target,
    args,
    run: (command, ...more) => runClient(args(command, ...more)),
    token: async (name = 'token') => (await readFile(join(target, name), 'utf8').catch(() => undefined))?.trim(),
    handed: () =>
      server.heard.flatMap(({ body }) => (body as { readonly tokenSha256?: string } | undefined)?.tokenSha256 ?? []),
  };
}

/** A host that a server knows, and its token. */
async function knownHost(): Promise<Host & { readonly mine: string }> {
  const the = await host();
  await the.run('enroll');
  const mine = (await the.token()) ?? '';
  the.server.heard.length = 0;
  return { ...the, mine };
}

async function joinTokenFile(text = `${JOIN}\n`, mode = 0o600): Promise<string> {
  const file = join(await disposableDirectory(), 'join-token');
  await writeFile(file, text, { mode });
  return file;
}

const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;
const idOf = (token: string): string => sha256(token).slice(0, 16);

describe('enroll', () => {
  test('makes a token of 256 bits in a file that nobody else may read, whatever the umask, and hands in its SHA-256 alone', async () => {
    const { server, target, run, token } = await host();
    const before = process.umask(0);
    onTestFinished(() => void process.umask(before));
    const enrolled = await run('enroll');
    const mine = (await token()) ?? '';
    expect(mine).toMatch(/^twn_[A-Za-z0-9_-]{43}$/);
    expect(enrolled).toMatchObject({ code: 0, stderr: '' });
    expect(enrolled.stdout).toBe(`web1: is known: the token in ${join(target, 'token')} has the id ${idOf(mine)}\n`);
    expect(await modeOf(join(target, 'token'))).toBe(0o600);
    expect(await readdir(target)).toEqual(['token']);
    expect(server.heard).toEqual([
      {
        method: 'POST',
        url: '/v1/nodes/web1/enrolment',
        authorization: undefined,
        body: { tokenSha256: sha256(mine) },
      },
    ]);
  });

  test('makes a directory for the token that only its owner may enter, where it is to lie elsewhere', async () => {
    const { target, run } = await host();
    const file = join(target, 'secrets/token');
    expect(await run('enroll', '--token-file', file)).toMatchObject({ code: 0 });
    expect([await modeOf(join(target, 'secrets')), await modeOf(file)]).toEqual([0o700, 0o600]);
  });

  test('by root leaves the token to whoever owns the directory, who polls', async (context) => {
    if (process.getuid?.() !== 0) return context.skip('takes root');
    const { target, run } = await host();
    await chown(target, NOBODY, NOBODY);
    await run('enroll');
    expect(await stat(join(target, 'token'))).toMatchObject({ uid: NOBODY, gid: NOBODY });
    expect(await readdir(target)).toEqual(['token']);
  });

  test('once more asks about the same token and changes nothing', async () => {
    const { run, token, handed, mine } = await knownHost();
    expect(await run('enroll')).toMatchObject({ code: 0, stdout: expect.stringContaining('is known already') });
    expect([await token(), handed()]).toEqual([mine, [sha256(mine)]]);
  });

  test('goes on with the same token where the answer was lost, whether the server had understood or not', async () => {
    for (const understands of [true, false]) {
      const { server, run, token, handed } = await host();
      server.instead = (heard) => {
        if (understands) answer(server, heard);
        return 'break-off';
      };
      expect(await run('enroll')).toMatchObject({ code: 1, stderr: expect.stringContaining('no server answered') });
      expect(await token()).toBeUndefined();
      server.instead = undefined;
      expect(await run('enroll')).toMatchObject({ code: 0 });
      expect(new Set(handed())).toEqual(new Set([sha256((await token()) ?? '')]));
      expect(await token('token.next')).toBeUndefined();
    }
  });

  test('killed while it waits for the answer goes on with the token that the server has heard of', async () => {
    const { server, args, run, token, handed } = await host();
    const heard = new Promise<void>((resolve) => {
      server.instead = (question) => {
        answer(server, question);
        resolve();
        return new Promise(() => undefined);
      };
    });
    const { child, ended } = await startClient(args('enroll'));
    await heard;
    child.kill('SIGKILL');
    await ended;
    server.instead = undefined;
    // What counts already is shown although nobody has put it in its place.
    expect(await run('poll')).toMatchObject({ code: 4 });
    expect(await run('enroll')).toMatchObject({ code: 0 });
    expect(new Set(handed())).toEqual(new Set([sha256((await token()) ?? '')]));
  });

  test('two at the same time are one after the other: the second is told, and harms nothing', async () => {
    const { server, args, run, token } = await host();
    let go: () => void = () => undefined;
    const waits = new Promise<void>((resolve) => (go = resolve));
    server.instead = async (heard) => {
      await waits;
      return answer(server, heard);
    };
    const first = await startClient(args('enroll'));
    await until('the first to ask', () => (server.heard.length > 0 ? true : undefined));
    expect(await run('enroll')).toMatchObject({ code: 5, stderr: expect.stringContaining('holds the lock') });
    go();
    expect(await first.ended).toMatchObject({ code: 0 });
    expect(server.active.has(sha256((await token()) ?? ''))).toBe(true);
  });
});

describe('a join token', () => {
  test('is taken from a file, shown to the server, and neither kept nor told', async () => {
    const { server, target, run } = await host();
    server.joinTokens.add(JOIN);
    expect(await run('enroll')).toMatchObject({ code: 1, stderr: expect.stringContaining('--join-token-file') });
    const joined = await run('enroll', '--join-token-file', await joinTokenFile());
    expect(joined).toMatchObject({ code: 0 });
    expect(server.heard.at(-1)?.authorization).toBe(`Bearer ${JOIN}`);
    expect(joined.stdout + joined.stderr + (await readFile(join(target, 'token'), 'utf8'))).not.toContain('jjj');
  });

  test('is taken from standard input', async () => {
    const { server, args } = await host();
    server.joinTokens.add(JOIN);
    const joined = await runProcess(args('enroll', '--join-token-file', '-'), { input: `${JOIN}\n` });
    expect(joined).toMatchObject({ code: 0, stderr: '' });
  });

  test('that others could read is not used, nor what is none, and no message shows it', async () => {
    const { server, run } = await host();
    for (const [text, mode, why] of [
      [JOIN, 0o644, /chmod 600/],
      [`twn_${'j'.repeat(43)}`, 0o600, /holds no join token/],
      ['jjjj', 0o600, /holds no join token/],
    ] as const) {
      const refused = await run('enroll', '--join-token-file', await joinTokenFile(text, mode));
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringMatching(why) });
      expect(refused.stderr).not.toContain('jjj');
    }
    expect(server.heard).toEqual([]);
  });

  test('that does not count is called by its id', async () => {
    const { server, run, token } = await host();
    server.joinTokens.add(`twj_${'k'.repeat(43)}`);
    const refused = await run('enroll', '--join-token-file', await joinTokenFile());
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(idOf(JOIN)) });
    expect(await token()).toBeUndefined();
  });
});

describe('where somebody has to say yes', () => {
  test('enroll exits 4 with the id that the admin sees, polls tell once that nobody has, and go on when somebody does', async () => {
    const { server, run, token } = await host();
    server.approves = true;
    const waiting = await run('enroll');
    const mine = (await token()) ?? '';
    expect(waiting).toMatchObject({ code: 4, stdout: '', stderr: expect.stringContaining(`token is ${idOf(mine)}\n`) });
    const told = await run('poll');
    expect(told).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody has let this host in yet') });
    expect(told.stderr).toContain(idOf(mine));
    expect(await run('poll')).toMatchObject({ code: 1, stdout: '', stderr: '' });
    server.pending.clear();
    server.active.add(sha256(mine));
    expect(await run('poll')).toMatchObject({ code: 4, stderr: expect.stringContaining('there is no tag yet') });
    expect(await run('enroll')).toMatchObject({ code: 0, stdout: expect.stringContaining('is known already') });
  });

  test('enroll --wait says whom it waits for, and ends when somebody says yes', async () => {
    const { server, args, token } = await host();
    server.approves = true;
    const { child, ended } = await startClient(args('enroll', '--wait'));
    await once(child.stderr as NodeJS.ReadableStream, 'data');
    server.active.add(sha256((await token()) ?? ''));
    const done = await ended;
    expect(done).toMatchObject({ code: 0, stdout: expect.stringContaining('is known') });
    expect(done.stderr.match(/waits to be let in/g)).toHaveLength(1);
  });
});

describe('rotation', () => {
  test('replaces the token by one that the old one asked for, and only when it is wanted', async () => {
    const { server, run, token, mine } = await knownHost();
    expect(await run('enroll', '--rotate')).toMatchObject({ code: 0, stdout: expect.stringContaining('new token') });
    const next = (await token()) ?? '';
    expect(next).not.toBe(mine);
    expect(server.heard).toEqual([
      {
        method: 'POST',
        url: '/v1/nodes/web1/token',
        authorization: `Bearer ${mine}`,
        body: { tokenSha256: sha256(next) },
      },
    ]);
    expect(await token('token.next')).toBeUndefined();
  });

  test('killed again and again, at any moment, never locks the host out, and is finished by the next one', async () => {
    const { server, args, run, token, mine } = await knownHost();
    for (const moment of ['before', 'understood', 'before', 'understood', 'answered', 'answered']) {
      const reached = new Promise<void>((resolve) => {
        server.instead = async (heard) => {
          if (!heard.url.endsWith('/token')) return undefined;
          const said = moment === 'before' ? 'break-off' : answer(server, heard);
          resolve();
          return moment === 'answered' ? said : new Promise(() => undefined);
        };
      });
      const { child, ended } = await startClient(args('enroll', '--rotate'));
      await reached;
      child.kill('SIGKILL');
      await ended;
      server.instead = undefined;
      expect(await run('poll', '--verbose')).toMatchObject({ code: 4 });
    }
    expect(await run('enroll', '--rotate')).toMatchObject({ code: 0 });
    const last = (await token()) ?? '';
    expect(last).not.toBe(mine);
    // The old ones do not count any more.
    server.active.clear();
    server.active.add(sha256(last));
    expect(await run('poll', '--verbose')).toMatchObject({ code: 4 });
  });

  test('that was cut off for so long that the old token is gone is finished by the next poll, or by the next rotation', async () => {
    for (const command of [
      ['poll', '--verbose'],
      ['enroll', '--rotate'],
    ] as const) {
      const { server, run, token } = await knownHost();
      server.instead = (heard) => {
        answer(server, heard);
        return 'break-off';
      };
      expect(await run('enroll', '--rotate')).toMatchObject({ code: 1 });
      server.instead = undefined;
      const next = (await token('token.next')) ?? '';
      server.active.clear();
      server.active.add(sha256(next));
      expect(await run(command[0], ...command.slice(1))).toMatchObject({ code: command[0] === 'poll' ? 4 : 0 });
      expect([await token(), await token('token.next')]).toEqual([next, undefined]);
    }
  });

  test('with a join token, or without a token that could be replaced, is told to be none', async () => {
    const { run, token } = await host();
    expect(await run('enroll', '--rotate', '--join-token-file', '/x')).toMatchObject({ code: 2 });
    expect(await run('enroll', '--rotate')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('without --rotate'),
    });
    expect([await token(), await token('token.next')]).toEqual([undefined, undefined]);
  });
});

describe('the token', () => {
  test('goes over https and to this machine only: a server beyond is not even connected to', async (context) => {
    const { target, mine } = await knownHost();
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.internal === false && one.family === 'IPv4')?.address;
    if (address === undefined) return context.skip('this machine has no address of its own');
    const connected: string[] = [];
    const { createServer } = await import('node:net');
    const beyond = createServer((socket) => {
      connected.push('connected');
      socket.destroy();
    }).listen(0, address);
    onTestFinished(() => void beyond.close());
    await once(beyond, 'listening');
    const { port } = beyond.address() as { port: number };
    const args = ['--server', `http://${address}:${port}`, '--hostname', 'web1', '--target', target];
    for (const command of ['poll', 'enroll']) {
      const refused = await runClient([command, ...args]);
      expect(refused).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('over plain HTTP others could read it'),
      });
      expect(refused.stderr).toContain('https://');
      expect(refused.stderr).not.toContain(mine);
    }
    expect(await runClient(['poll', ...args])).toMatchObject({ code: 1, stderr: '' });
    expect(connected).toEqual([]);
  });

  test('goes to the servers of several that may have it, and to no other', async () => {
    const { server, target, mine } = await knownHost();
    const servers = ['--server', 'http://192.0.2.1:1', '--server', server.url];
    const run = await runClient(['poll', ...servers, '--hostname', 'web1', '--target', target, '--verbose']);
    expect(run).toMatchObject({ code: 4 });
    expect(server.heard.map(({ authorization }) => authorization)).toContain(`Bearer ${mine}`);
  });

  test('counts as sent to this machine only where the name can be nothing else', () => {
    for (const url of [
      'https://a',
      'http://localhost:1',
      'http://127.0.0.1',
      'http://127.9.8.7:80/x',
      'http://[::1]:1',
    ])
      expect(isPrivateLine(new URL(url)), url).toBe(true);
    for (const url of [
      'http://a',
      'http://localhost.example.com',
      'http://127.0.0.1.example.com',
      'http://127.example.com',
      'http://0.0.0.0',
      'http://128.0.0.1',
      'http://[::2]',
      'http://[::ffff:10.0.0.1]',
      'http://x.localhost',
    ])
      expect(isPrivateLine(new URL(url)), url).toBe(false);
  });

  test('does not follow a redirect', async () => {
    const { server, run, mine } = await knownHost();
    const other = await enrolmentServer();
    for (const status of [301, 302, 307, 308]) {
      server.instead = ({ url }) => ({ status, headers: { Location: other.url + url } });
      expect(await run('poll', '--verbose')).toMatchObject({ code: 1 });
      expect(await run('enroll')).toMatchObject({ code: 1 });
    }
    expect(server.heard.some(({ authorization }) => authorization === `Bearer ${mine}`)).toBe(true);
    expect(other.heard).toEqual([]);
  });

  test('that others could read is not sent, and the run says chmod', async () => {
    const { server, target, run, mine } = await knownHost();
    for (const mode of [0o644, 0o640, 0o602, 0o604]) {
      await chmod(join(target, 'token'), mode);
      const refused = await run('poll', '--verbose');
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(`chmod 600 ${target}/token`) });
      expect(refused.stderr).not.toContain(mine);
    }
    expect(server.heard).toEqual([]);
    await chmod(join(target, 'token'), 0o400);
    expect(await run('poll', '--verbose')).toMatchObject({ code: 4 });
  });

  test('that is damaged is not sent, and not shown', async () => {
    const { server, target, run } = await knownHost();
    for (const text of ['', 'twn_secret-but-short\n', `twn_${'s'.repeat(44)}`, `twa_${'s'.repeat(43)}`]) {
      await writeFile(join(target, 'token'), text);
      const refused = await run('poll', '--verbose', '--json');
      expect(refused).toMatchObject({ code: 1, stdout: expect.stringContaining('holds no token of a host') });
      expect(refused.stdout + refused.stderr).not.toMatch(/sss|secret-but/);
    }
    expect(server.heard).toEqual([]);
  });

  test('is in no output, no file but its own, no command line and no environment, whatever happens', async () => {
    const { server, target, run, args, mine } = await knownHost();
    const secret = mine.slice(4);
    let said = '';
    const note = async (ended: Promise<Ended>): Promise<void> => {
      const { stdout, stderr } = await ended;
      said += stdout + stderr;
    };
    await note(run('poll', '--verbose'));
    await note(run('poll', '--json'));
    await note(run('poll', '--dry-run', '--verbose'));
    await note(run('enroll', '--json'));
    server.active.clear();
    await note(run('poll', '--verbose'));
    await note(run('poll', '--json'));
    await note(run('enroll', '--rotate'));
    server.instead = () => problem(403, 'not-your-own', `no, ${'x'.repeat(10)}`);
    await note(run('poll', '--verbose'));
    server.instead = () => ({ status: 200, body: { what: 'is this' } });
    await note(run('poll', '--verbose'));
    await note(runClient(['status', '--target', target, '--json']));
    let seen = '';
    const asked = new Promise<void>((resolve) => {
      server.instead = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const { child, ended } = await startClient(args('poll'), { env: { NODE_DEBUG: 'tagwave' } });
    await asked;
    seen += await readFile(`/proc/${child.pid}/cmdline`, 'utf8');
    seen += await readFile(`/proc/${child.pid}/environ`, 'utf8');
    child.kill('SIGTERM');
    await note(ended);
    expect(seen).toContain('poll');
    expect(said).toContain(idOf(mine));
    expect(said + seen).not.toContain(secret);
    for (const name of await readdir(target, { recursive: true })) {
      const path = join(target, name);
      if (name !== 'token' && (await stat(path)).isFile())
        expect(await readFile(path, 'utf8'), name).not.toContain(secret);
    }
  });

  test('is what random bytes make, and nothing else is taken for one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (random) => {
        const token = nodeTokenFrom(random);
        expect(Buffer.from(token.slice(4), 'base64url')).toEqual(Buffer.from(random));
        expect(parseToken('node', `${token}\n`)).toBe(token);
        expect(parseToken('join', token)).toBeUndefined();
      }),
    );
    expect(() => nodeTokenFrom(new Uint8Array(31))).toThrow();
  });
});

describe('what a server answers', () => {
  test('is told with what to do about it, ends the search for another server, and changes nothing', async () => {
    const { server, target, run, mine } = await knownHost();
    const other = await enrolmentServer();
    const before = await readdir(target);
    for (const [said, code, sentence] of [
      [
        problem(401, 'unauthenticated', 'no'),
        1,
        `does not know the token in ${target}/token, whose id is ${idOf(mine)}`,
      ],
      [problem(403, 'not-your-own', 'not yours'), 1, '--hostname, --token-file'],
      [problem(403, 'insecure-transport', 'others can read along'), 1, 'others can read along'],
      [
        { ...problem(429, 'rate-limited', 'too often'), headers: { 'Retry-After': '7' } },
        4,
        'held (rate-limited): too often',
      ],
    ] as const) {
      server.instead = () => said;
      const ended = await run('poll', '--server', other.url, '--verbose');
      expect(ended).toMatchObject({ code, stderr: expect.stringContaining(sentence) });
    }
    expect(other.heard).toEqual([]);
    expect(await readdir(target)).toEqual(expect.arrayContaining(before));
    expect(existsSync(join(target, 'current'))).toBe(false);
  });

  test('to a host without a token says how to get one', async () => {
    const { run } = await host();
    expect(await run('poll')).toMatchObject({ code: 1, stderr: expect.stringContaining("'tagwave enroll' gets one") });
  });

  test('that enrolment is refused is told in its words', async () => {
    const { server, run } = await host();
    server.instead = () => problem(403, 'enrolment-refused', 'web1 has a token already');
    expect(await run('enroll')).toMatchObject({ code: 1, stderr: expect.stringContaining('web1 has a token already') });
  });
});
