import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { answer, enrolmentServer, problem, sha256 } from '../client/enrolment-server.ts';
import { makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';

const SCRIPT = join(import.meta.dirname, '../../samples/poll.sh');
const JOIN = `twj_${'j'.repeat(43)}`;
const idOf = (token: string): string => sha256(token).slice(0, 16);

async function host(tls?: { cert: string; key: string }, shell = 'dash') {
  const server = await enrolmentServer(tls);
  const place = await disposableDirectory();
  const target = join(place, 'target');
  const args = (...options: readonly string[]) => [SCRIPT, '-s', server.url, '-n', 'web1', '-t', target, ...options];
  const run = async (...options: readonly string[]) => {
    const { exitCode, stdout, stderr } = await execa(shell, args(...options), { reject: false });
    return { exitCode, stdout, stderr };
  };
  const token = async (): Promise<string> => (await readFile(join(target, 'token'), 'utf8')).trim();
  return { server, place, target, args, run, token };
}

describe('poll.sh -e', () => {
  test.each(['dash', 'bash'])(
    'makes a token of 256 bits that nobody else may read, hands in its SHA-256 alone, and polls show it (%s)',
    async (shell) => {
      const { server, target, run, token } = await host(undefined, shell);
      const enrolled = await run('-e');
      const mine = await token();
      expect(mine).toMatch(/^twn_[A-Za-z0-9_-]{43}$/);
      expect(enrolled).toEqual({
        exitCode: 0,
        stdout: `poll.sh: web1 is known: the token in ${target}/token has the id ${idOf(mine)}`,
        stderr: '',
      });
      expect((await stat(join(target, 'token'))).mode & 0o7777).toBe(0o600);
      expect(await readdir(target)).toEqual(['token']);
      expect(server.heard).toEqual([
        {
          method: 'POST',
          url: '/v1/nodes/web1/enrolment',
          authorization: undefined,
          body: { tokenSha256: sha256(mine) },
        },
      ]);
      expect(await run()).toMatchObject({ exitCode: 4, stderr: expect.stringContaining('on hold') });
      expect(server.heard.at(-1)?.authorization).toBe(`Bearer ${mine}`);
      expect(await run('-e')).toMatchObject({ exitCode: 0 });
      expect(await token()).toBe(mine);
    },
  );

  test('goes on with the same token where the answer was lost', async () => {
    const { server, run, token } = await host();
    server.instead = (heard) => {
      answer(server, heard);
      return 'break-off';
    };
    expect(await run('-e')).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('did not answer') });
    server.instead = undefined;
    expect(await run('-e')).toMatchObject({ exitCode: 0 });
    expect(server.active).toEqual(new Set([sha256(await token())]));
  });

  test('shows a join token from a file that only its owner may read', async () => {
    const { server, place, run } = await host();
    server.joinTokens.add(JOIN);
    const file = join(place, 'join-token');
    await writeFile(file, `${JOIN}\n`, { mode: 0o644 });
    expect(await run('-e', '-j', file)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('chmod 600') });
    expect(server.heard).toEqual([]);
    await chmod(file, 0o600);
    expect(await run('-e')).toMatchObject({ exitCode: 1 });
    expect(await run('-e', '-j', file)).toMatchObject({ exitCode: 0 });
    expect(server.heard.at(-1)?.authorization).toBe(`Bearer ${JOIN}`);
  });

  test('where somebody has to say yes exits 4 with the id, and so long polls tell once a day that nobody has', async () => {
    const { server, run, token } = await host();
    server.approves = true;
    const waiting = await run('-e');
    const mine = await token();
    expect(waiting).toMatchObject({ exitCode: 4, stdout: '', stderr: expect.stringContaining(idOf(mine)) });
    expect(await run()).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('nobody has let this host in yet'),
    });
    expect(await run()).toEqual({ exitCode: 1, stdout: '', stderr: '' });
    server.active.add(sha256(mine));
    server.pending.clear();
    expect(await run()).toMatchObject({ exitCode: 4 });
  });
});

describe('the token of poll.sh', () => {
  test('goes to this machine, or over https to a server whose CA is believed, and nowhere else', async () => {
    const authority = await makeAuthority();
    const { certificate, key } = await authority.issue({ name: 'server', names: [{ type: 'ip', value: '127.0.0.1' }] });
    const { server, place, run } = await host({ cert: certificate, key });
    const [ca, other] = [join(place, 'ca.pem'), join(place, 'other.pem')];
    await writeFile(ca, authority.certificate);
    await writeFile(other, (await makeAuthority('other')).certificate);
    expect(await run('-e', '-c', ca)).toMatchObject({ exitCode: 0 });
    expect(await run('-c', ca)).toMatchObject({ exitCode: 4 });
    const before = server.heard.length;
    for (const options of [[], ['-c', other]]) expect(await run('-v', ...options)).toMatchObject({ exitCode: 1 });
    for (const url of [
      'http://192.0.2.1',
      'http://127.0.0.1.example.com',
      'http://localhost.example.com/',
      'http://127.1',
    ]) {
      const refused = await run('-v', '-s', url);
      expect(refused, url).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('over plain HTTP') });
    }
    expect(await run('-s', 'http://127.0.0.1@example.com')).toMatchObject({ exitCode: 2 });
    expect(server.heard).toHaveLength(before);
  });

  test('goes to no proxy that the environment names, and follows no redirect', async () => {
    const { server, args, run } = await host();
    await run('-e');
    const other = await enrolmentServer();
    const proxied = await execa('dash', args('-v'), {
      reject: false,
      env: { http_proxy: other.url, ALL_PROXY: other.url },
    });
    expect(proxied.exitCode).toBe(4);
    server.instead = ({ url }) => ({ status: 307, headers: { Location: other.url + url } });
    expect(await run('-v')).toMatchObject({ exitCode: 1 });
    expect(other.heard).toEqual([]);
  });

  test('is on no command line and in no environment of any process while curl asks, in no output, and in no other file', async () => {
    const { server, target, args, run, token } = await host();
    await run('-e');
    const secret = (await token()).slice(4);
    const asked = new Promise<void>((resolve) => {
      server.instead = () => {
        resolve();
        return new Promise(() => undefined);
      };
    });
    const child = spawn('dash', args('-v'), { stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += String(chunk)));
    onTestFinished(() => void child.kill('SIGKILL'));
    await asked;
    const { stdout: lines } = await execa('ps', ['axeww', '-o', 'args']);
    expect(lines).toContain('curl -q --config -');
    expect(lines).not.toContain(secret);
    for (const name of await readdir(target, { recursive: true })) {
      const path = join(target, name);
      if (name !== 'token' && (await stat(path)).isFile())
        expect(await readFile(path, 'latin1'), name).not.toContain(secret);
    }
    const ended = once(child, 'close');
    // The run waits for curl, which ends with its connection.
    server.cut();
    await ended;
    server.instead = () => problem(401, 'unauthenticated', 'no');
    const refused = await run('-v');
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(idOf(`twn_${secret}`)) });
    expect(said + refused.stdout + refused.stderr).not.toContain(secret);
  });

  test('that others could read, or that is none, is not sent', async () => {
    const { server, target, run } = await host();
    await mkdir(target);
    const file = join(target, 'token');
    for (const [text, mode, why] of [
      [`twn_${'s'.repeat(43)}\n`, 0o640, 'chmod 600'],
      [`twn_${'s'.repeat(42)}"\n`, 0o600, 'holds no token'],
      ['sss\n', 0o600, 'holds no token'],
      ['', 0o600, 'is empty'],
    ] as const) {
      await writeFile(file, text);
      await chmod(file, mode);
      const refused = await run('-v');
      expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(why) });
      expect(refused.stderr).not.toContain('sss');
    }
    expect(server.heard).toEqual([]);
  });

  test('is named where it does not exist, and who has none is told how to get one', async () => {
    const { server, run } = await host();
    expect(await run()).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('poll.sh -e gets one') });
    expect(await run('-k', '/nowhere/token', '-v')).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('/nowhere'),
    });
    expect(server.heard).toHaveLength(1);
  });
});
