import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { copyFile, cp, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { copyAs, releaseDirectory } from '../rig/client-bundle.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { testServer } from '../rig/server.ts';
import { serverBundle } from '../rig/server-bundle.ts';
import { ask, sharedServing } from './serving.ts';

const NOW = '2026-11-20T11:20:00Z';
const SHELLS = ['dash', 'bash --posix'];

const release = mkdtempSync(join(tmpdir(), 'tagwave-release-'));
beforeAll(async () => {
  await releaseDirectory(release);
  await writeFile(join(release, 'client.yml'), '{}\n');
});
afterAll(() => rm(release, { recursive: true, force: true }));

/** A server with the client beside it. */
const server = sharedServing({ clientDirectory: release });

interface Installing {
  readonly exitCode: number | undefined;
  /** Both outputs, without the last line end. */
  readonly all: string;
}

/** Runs a script as `curl … | sh` does. */
async function runScript(
  script: string,
  args: readonly string[],
  { shell = 'sh', path = '' } = {},
): Promise<Installing> {
  const [command = '', ...flags] = shell.split(' ');
  const { exitCode, all } = await execa(command, [...flags, '-s', '--', ...args], {
    input: script,
    all: true,
    reject: false,
    extendEnv: false,
    env: { PATH: path === '' ? process.env['PATH'] : path, TAGWAVE_CLIENT_CONFIG: join(release, 'client.yml') },
  });
  return { exitCode, all };
}

async function install(at: { readonly url: string }, ...args: readonly string[]): Promise<Installing> {
  return runScript((await ask(at.url, '/install.sh')).text, args);
}

/** Every file below a directory, and what is in it. */
async function filesBelow(root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const dirent of await readdir(root, { withFileTypes: true, recursive: true })) {
    const path = join(dirent.parentPath, dirent.name);
    if (dirent.isFile()) found[path.slice(root.length)] = await readFile(path, 'latin1');
  }
  return found;
}

async function sha256Of(path: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
}

describe('the client that a server gives', () => {
  test('is listed with its version, hash and size, and is what the list says', async () => {
    const { url } = server();
    const list = (await ask(url, '/client/release.json')).json();
    const sha256 = await sha256Of(join(release, 'tagwave.cjs'));
    const { size } = await stat(join(release, 'tagwave.cjs'));
    expect(list).toEqual({ version: packageJson.version, sha256, size, node: '>=18' });
    const given = await ask(url, '/client/tagwave.cjs');
    expect(createHash('sha256').update(given.bytes).digest('hex')).toBe(sha256);
    expect(given.headers).toMatchObject({ etag: `"${sha256}"`, 'cache-control': 'no-cache' });
  });

  test('may be kept for good where it is asked for by its hash; another hash is not found', async () => {
    const { url } = server();
    const { sha256 } = (await ask(url, '/client/release.json')).json();
    const byHash = await ask(url, `/client/tagwave.cjs?sha256=${sha256}`);
    expect(byHash.headers['cache-control']).toContain('immutable');
    const again = await ask(url, '/client/tagwave.cjs', { headers: { 'If-None-Match': `"${sha256}"` } });
    expect([again.status, again.text]).toEqual([304, '']);
    const head = await ask(url, '/client/tagwave.cjs', { method: 'HEAD' });
    expect([head.status, head.text, head.headers['content-length']]).toEqual([200, '', String(byHash.bytes.length)]);
    const other = await ask(url, `/client/tagwave.cjs?sha256=${'0'.repeat(64)}`);
    expect(other.json()).toMatchObject({
      status: 404,
      code: 'not-found',
      hint: expect.stringContaining('release.json'),
    });
  });

  test('stays what was hashed while another one is put in its place', async () => {
    const place = await disposableDirectory();
    await cp(release, place, { recursive: true });
    const { url } = await testServer({ now: NOW, clientDirectory: place });
    const before = (await ask(url, '/client/release.json')).json();
    await writeFile(join(place, 'tagwave.cjs'), 'half of the ne');
    expect((await ask(url, '/client/release.json')).json()).toEqual(before);
    const given = await ask(url, `/client/tagwave.cjs?sha256=${before['sha256']}`);
    expect(createHash('sha256').update(given.bytes).digest('hex')).toBe(before['sha256']);
  });

  test.each(['/install.sh', '/client/release.json', '/client/tagwave.cjs'])(
    '%s is not found where the server has none beside it, with a hint, and found once it is there',
    async (path) => {
      const place = await disposableDirectory();
      const { url } = await testServer({ now: NOW, clientDirectory: place });
      const none = await ask(url, path);
      expect(none.status).toBe(404);
      expect(none.json()).toMatchObject({ code: 'not-found', hint: expect.stringContaining('npm run build') });
      await writeFile(join(place, 'install.sh'), '#!/bin/sh\n');
      await writeFile(join(place, 'tagwave.cjs'), 'no client\n');
      expect((await ask(url, path)).status).toBe(404);
      await cp(release, place, { recursive: true });
      expect((await ask(url, path)).status).toBe(200);
    },
  );
});

test('a server as it is shipped finds the client beside itself', async () => {
  const script = await serverBundle();
  // Below the project, so that what is not bundled is found.
  const place = await mkdtemp(join(dirname(dirname(script)), 'draft-'));
  onTestFinished(() => rm(place, { recursive: true, force: true }));
  await cp(dirname(script), place, { recursive: true });
  for (const name of ['tagwave.cjs', 'install.sh']) await copyFile(join(release, name), join(place, name));
  const base = await disposableDirectory();
  const serve = execa(process.execPath, [
    join(place, 'server.mjs'),
    'serve',
    '--base',
    base,
    '--listen',
    '127.0.0.1:0',
  ]);
  onTestFinished(async () => {
    serve.kill();
    await serve.catch(() => undefined);
  });
  const url = await new Promise<string>((resolve, reject) => {
    serve.stdout.once('data', (chunk) => resolve(String(chunk).trim()));
    serve.catch(reject);
  });
  expect((await ask(url, '/client/release.json')).json()).toMatchObject({ version: packageJson.version });
  expect((await ask(url, '/install.sh')).text).toContain(`server='${url}'\n`);
});

describe('the URL in the script', () => {
  const urlIn = (script: string): string | undefined => /^server=(.*)$/m.exec(script)?.[1];

  test('is the one under which the server was reached', async () => {
    const { url } = server();
    expect(urlIn((await ask(url, '/install.sh')).text)).toBe(`'${url}'`);
    const named = async (headers: Record<string, string>) => urlIn((await ask(url, '/install.sh', { headers })).text);
    expect(await named({ Host: 'Tagwave.Example.com' })).toBe("'http://tagwave.example.com'");
    expect(await named({ Host: '[2001:db8::1]:8420' })).toBe("'http://[2001:db8::1]:8420'");
    expect(await named({ Host: 'a.example', 'X-Forwarded-Proto': "https'; id" })).toBe("'http://a.example'");
  });

  test('has the scheme that a proxy names which is believed, and that nobody else does', async () => {
    const env = { TAGWAVE_HTTP_TRUST_PROXY: '127.0.0.1' };
    const behind = await testServer({ now: NOW, env, clientDirectory: release });
    const headers = { Host: 'a.example:8420', 'X-Forwarded-Proto': 'https' };
    expect(urlIn((await ask(behind.url, '/install.sh', { headers })).text)).toBe("'https://a.example:8420'");
    expect(urlIn((await ask(server().url, '/install.sh', { headers })).text)).toBe("'http://a.example:8420'");
  });

  test('is the setting, whatever the Host header says', async () => {
    const env = { TAGWAVE_HTTP_PUBLIC_URL: 'https://tagwave.example.com/at/' };
    const { url } = await testServer({ now: NOW, env, clientDirectory: release });
    const { text } = await ask(url, '/install.sh', { headers: { Host: 'evil.example' } });
    expect(urlIn(text)).toBe("'https://tagwave.example.com/at'");
    expect((await ask(url, '/install.sh', { headers: { Host: "';id;'" } })).status).toBe(200);
  });

  test('is never made of a Host header that is no name or address of a host', async () => {
    const { url } = server();
    for (const host of HOSTILE) {
      const answer = await askAs(url, host);
      expect(answer.status, host).toBe(400);
      expect(answer.text, host).not.toContain('#!/bin/sh');
    }
  });
});

const HOSTILE = [
  "a'; id; '",
  'a$(id)',
  'a`id`',
  'a\tb',
  'a b',
  'a;id',
  'a|id',
  'a&id',
  '../x',
  'a/b',
  'a?b',
  'a#b',
  'user@a',
  'a:1:2',
  'a:99999',
  'a:port',
  '-o',
  '[::1',
  '[::1]x',
  'a..b',
  'a_b',
  '*',
  '~',
  '\u00e4',
  '',
  'a'.repeat(300),
];

/** Sends a Host header as it is. */
function askAs(url: string, host: string): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, path: '/install.sh', headers: ['Host', host], setHost: false, agent: false };
    httpRequest(options, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    })
      .on('error', reject)
      .end();
  });
}

const SAMPLES = join(import.meta.dirname, '../../samples');
const read = (path: string): Promise<string> => readFile(path, 'utf8');

describe('install.sh', () => {
  test('is plain sh to dash and bash alike, and free of tabs', async () => {
    const { url } = server();
    const script = (await ask(url, '/install.sh')).text;
    expect(script).not.toContain('\t');
    for (const shell of SHELLS) {
      const [command = '', ...flags] = shell.split(' ');
      await execa(command, [...flags, '-n'], { input: script });
    }
    const checked = await execa('shellcheck', ['--shell=sh', '-'], { input: script, reject: false });
    if (checked.code !== 'ENOENT') expect(checked.stdout).toBe('');
  });

  test.each(SHELLS)(
    'installs the client, its settings and its cron line, and changes nothing again (%s)',
    async (shell) => {
      const at = server();
      const destdir = await disposableDirectory();
      const script = (await ask(at.url, '/install.sh')).text;
      const args = ['--destdir', destdir, '--cron', '--hostname', 'web1.example.com'];
      const first = await runScript(script, args, { shell });
      expect(first.all.split('\n')).toEqual([
        `changed      ${destdir}/usr/local/bin/tagwave (${packageJson.version})`,
        `changed      ${destdir}/var/lib/tagwave`,
        `changed      ${destdir}/etc/tagwave/client.yml`,
        `changed      ${destdir}/etc/cron.d/tagwave`,
      ]);
      const files = await filesBelow(destdir);
      expect(Object.keys(files).sort()).toEqual([
        '/etc/cron.d/tagwave',
        '/etc/tagwave/client.yml',
        '/usr/local/bin/tagwave',
      ]);
      expect(files['/etc/cron.d/tagwave']).toBe(await read(join(SAMPLES, 'cron/client')));
      expect(files['/etc/tagwave/client.yml']).toContain(`server: "${at.url}"\nhostname: "web1.example.com"\n`);
      expect((await stat(join(destdir, 'usr/local/bin/tagwave'))).mode & 0o777).toBe(0o755);
      const second = await runScript(script, args, { shell });
      expect(second.all.split('\n')).toEqual([
        `unchanged    ${destdir}/usr/local/bin/tagwave (${packageJson.version})`,
        `unchanged    ${destdir}/var/lib/tagwave`,
        `unchanged    ${destdir}/etc/tagwave/client.yml`,
        `unchanged    ${destdir}/etc/cron.d/tagwave`,
      ]);
      expect(second.exitCode).toBe(0);
      expect(await filesBelow(destdir)).toEqual(files);
    },
  );

  test('installs a client that works by the settings that were written', async () => {
    const at = server();
    const destdir = await disposableDirectory();
    await install(at, '--destdir', destdir, '--cron', '--hostname', 'web1.example.com', '--target', '/srv/it');
    const config = join(destdir, 'etc/tagwave/client.yml');
    expect(await read(config)).toContain('target: "/srv/it"');
    const poll = await execa(
      join(destdir, 'usr/local/bin/tagwave'),
      ['poll', '--config', config, '--target', join(destdir, 'srv/it')],
      { reject: false },
    );
    expect(poll).toMatchObject({
      exitCode: 0,
      stdout: expect.stringContaining('web1.example.com: now on etchautotag-'),
    });
  });

  test('keeps settings that are there, and moves from cron to a timer to a service', async () => {
    const at = server();
    const destdir = await disposableDirectory();
    await mkdir(join(destdir, 'etc/tagwave'), { recursive: true });
    await writeFile(join(destdir, 'etc/tagwave/client.yml'), 'server: http://elsewhere\n');
    await install(at, '--destdir', destdir, '--cron');
    const timer = await install(at, '--destdir', destdir, '--systemd');
    expect(timer.all).toContain(
      `kept         ${destdir}/etc/tagwave/client.yml (it was there before, and says something else)\n`,
    );
    const units = async () => (await readdir(join(destdir, 'etc/systemd/system'))).sort();
    expect(await units()).toEqual(['tagwave-poll.service', 'tagwave-poll.timer']);
    expect(await readdir(join(destdir, 'etc/cron.d'))).toEqual([]);
    for (const name of await units())
      expect(await read(join(destdir, 'etc/systemd/system', name))).toBe(await read(join(SAMPLES, 'systemd', name)));
    await install(at, '--destdir', destdir, '--watch');
    expect(await units()).toEqual(['tagwave-watch.service']);
    expect(await read(join(destdir, 'etc/tagwave/client.yml'))).toBe('server: http://elsewhere\n');
  });

  test('goes without a trace but for releases and settings, and with --purge without those', async () => {
    const at = server();
    const destdir = await disposableDirectory();
    await install(at, '--destdir', destdir, '--cron');
    await mkdir(join(destdir, 'var/lib/tagwave/releases/a'), { recursive: true });
    await writeFile(join(destdir, 'var/lib/tagwave/releases/a/file'), 'released');
    const gone = await install(at, '--destdir', destdir, '--uninstall');
    expect(gone.all.split('\n')).toEqual([
      `removed      ${destdir}/etc/cron.d/tagwave`,
      `kept         ${destdir}/var/lib/tagwave (the releases; --purge removes it)`,
      `kept         ${destdir}/etc/tagwave/client.yml (the settings; --purge removes it)`,
      `removed      ${destdir}/usr/local/bin/tagwave`,
    ]);
    expect(Object.keys(await filesBelow(destdir)).sort()).toEqual([
      '/etc/tagwave/client.yml',
      '/var/lib/tagwave/releases/a/file',
    ]);
    const again = await install(at, '--destdir', destdir, '--uninstall');
    expect(again.all).toBe(`unchanged    ${destdir}/usr/local/bin/tagwave (is not there)`);
    await install(at, '--destdir', destdir, '--cron');
    await install(at, '--destdir', destdir, '--uninstall', '--purge');
    expect(await filesBelow(destdir)).toEqual({});
    expect(await readdir(join(destdir, 'var/lib'))).toEqual([]);
  });

  test('removes what is left where the client is gone already: what starts it, and with --purge the rest', async () => {
    const at = server();
    const destdir = await disposableDirectory();
    await install(at, '--destdir', destdir, '--cron');
    await rm(join(destdir, 'usr/local/bin/tagwave'));
    const gone = await install(at, '--destdir', destdir, '--uninstall');
    expect(gone).toMatchObject({ exitCode: 0, all: expect.stringContaining('removed      ') });
    expect(Object.keys(await filesBelow(destdir))).toEqual(['/etc/tagwave/client.yml']);
    expect((await install(at, '--destdir', destdir, '--uninstall', '--purge')).exitCode).toBe(0);
    expect(await filesBelow(destdir)).toEqual({});
    expect(await readdir(join(destdir, 'var/lib'))).toEqual([]);
  });

  test('tells with --dry-run what it would do, and does nothing', async () => {
    const at = server();
    const destdir = await disposableDirectory();
    const look = await install(at, '--destdir', destdir, '--cron', '--dry-run');
    expect(look.all).toContain(`would change ${destdir}/usr/local/bin/tagwave`);
    expect(look.all).toContain(`would change ${destdir}/etc/cron.d/tagwave`);
    expect(await readdir(destdir)).toEqual([]);
    await install(at, '--destdir', destdir, '--cron');
    const before = await filesBelow(destdir);
    const away = await install(at, '--destdir', destdir, '--uninstall', '--purge', '--dry-run');
    expect(away.all).toContain(`would remove ${destdir}/usr/local/bin/tagwave`);
    expect(await filesBelow(destdir)).toEqual(before);
  });

  test('replaces a client by the one that the server has now, in one step', async () => {
    const place = await disposableDirectory();
    await cp(release, place, { recursive: true });
    await copyAs('7.8.9', join(release, 'tagwave.cjs'), join(place, 'tagwave.cjs'));
    const destdir = await disposableDirectory();
    await install(server(), '--destdir', destdir, '--cron');
    const newer = await install(await testServer({ now: NOW, clientDirectory: place }), '--destdir', destdir, '--cron');
    expect(newer.all).toContain('usr/local/bin/tagwave (7.8.9)');
    const { stdout } = await execa(join(destdir, 'usr/local/bin/tagwave'), ['--version']);
    expect(stdout).toBe('7.8.9');
    expect(await readdir(join(destdir, 'usr/local/bin'))).toEqual(['tagwave']);
  });

  test('that is cut off anywhere does nothing at all', async () => {
    const { url } = server();
    const script = (await ask(url, '/install.sh')).text;
    const destdir = await disposableDirectory();
    const whole = script.trimEnd().length - 'main "$@"'.length;
    for (let length = 0; length <= whole; length += 211)
      await runScript(script.slice(0, length), ['--destdir', destdir, '--cron']);
    await runScript(script.slice(0, whole), ['--destdir', destdir, '--cron']);
    expect(await readdir(destdir)).toEqual([]);
  });

  test.each<[string, string[], string]>([
    ['an option that it does not know', ['--force'], '--force is no option'],
    ['an option without its value', ['--hostname'], '--hostname: a value is missing'],
    ['a server that is no URL', ['--server', 'tagwave'], '--server: expected a URL'],
    ['a name that no host can have', ['--hostname', 'a;b'], '--hostname: expected a host name'],
    ['an interval that does not divide an hour', ['--every', '7'], '--every: expected minutes'],
    ['a user that is none', ['--user', '-x'], '--user: expected the name of a user'],
    ['cron and systemd at once', ['--cron', '--systemd'], '--cron: either this or'],
  ])('refuses %s with exit 2', async (_what, args, sentence) => {
    const at = server();
    const destdir = await disposableDirectory();
    const refused = await install(at, '--destdir', destdir, '--dry-run', ...args);
    expect(refused.exitCode).toBe(2);
    expect(refused.all).toContain(sentence);
  });

  test('leaves a cron file alone that somebody else wrote, and says so', async () => {
    const at = server();
    const destdir = await disposableDirectory();
    await mkdir(join(destdir, 'etc/cron.d'), { recursive: true });
    await writeFile(join(destdir, 'etc/cron.d/tagwave'), '# mine\n');
    const blocked = await install(at, '--destdir', destdir, '--cron');
    expect(blocked.exitCode).toBe(1);
    expect(blocked.all).toContain(`${destdir}/etc/cron.d/tagwave is there, and 'tagwave install' did not write it`);
    await install(at, '--destdir', destdir, '--uninstall');
    expect(await read(join(destdir, 'etc/cron.d/tagwave'))).toBe('# mine\n');
  });
});

/** A server that lists one thing and sends another. */
async function lyingServer(answer: Buffer, cutAt?: number): Promise<string> {
  const list = { version: packageJson.version, sha256: await sha256Of(join(release, 'tagwave.cjs')), node: '>=18' };
  const { size } = await stat(join(release, 'tagwave.cjs'));
  const http = createServer((request, response) => {
    if (request.url === '/client/release.json') return void response.end(JSON.stringify({ ...list, size }));
    if (cutAt === undefined) return void response.end(answer);
    response.writeHead(200, { 'Content-Length': answer.length });
    response.write(answer.subarray(0, cutAt), () => response.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

describe('a download', () => {
  /** Installs from a server that cannot be trusted; nothing may come of it. */
  async function installFrom(url: string, path = ''): Promise<Installing> {
    const destdir = await disposableDirectory();
    const script = await read(join(release, 'install.sh'));
    const result = await runScript(script, ['--server', url, '--destdir', destdir, '--cron'], { path });
    expect(result.exitCode).toBe(1);
    expect(await readdir(destdir)).toEqual([]);
    return result;
  }

  test.each(['curl', 'wget'])('with %s that is cut off installs nothing', async (loader) => {
    const client = await readFile(join(release, 'tagwave.cjs'));
    const { all } = await installFrom(
      await lyingServer(client, 100_000),
      await pathWithout(loader === 'curl' ? 'wget' : 'curl'),
    );
    expect(all).toContain('cannot download');
  });

  test('that is too short installs nothing', async () => {
    const client = await readFile(join(release, 'tagwave.cjs'));
    const { all } = await installFrom(await lyingServer(client.subarray(0, 1000)));
    expect(all).toContain('the client came with 1000 bytes instead of');
  });

  test('of other content than listed installs nothing', async () => {
    const client = await readFile(join(release, 'tagwave.cjs'));
    client[client.length - 2] = 0x21;
    const { all } = await installFrom(await lyingServer(client));
    expect(all).toContain('its SHA-256 is another');
  });

  test('from what is no Tagwave server, or none at all, installs nothing', async () => {
    const http = createServer((_request, response) => response.end('{"version": "1; id", "sha256": "$(id)"}'));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void http.close());
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    expect((await installFrom(url)).all).toContain('is not understood');
    await new Promise((resolve) => http.close(resolve));
    expect((await installFrom(url)).all).toContain('cannot download');
  });
});

/** A search path with links to what the script calls, but for some of it. */
async function pathWithout(...missing: readonly string[]): Promise<string> {
  const bin = await disposableDirectory();
  const all = [
    'sh',
    'cat',
    'rm',
    'cp',
    'mv',
    'mkdir',
    'chmod',
    'wc',
    'id',
    'mktemp',
    'sync',
    'flock',
    'curl',
    'wget',
    'env',
  ];
  for (const name of [...all, 'node'].filter((one) => !missing.includes(one))) {
    const { stdout } = await execa('sh', ['-c', `command -v ${name}`]);
    await symlink(stdout, join(bin, name));
  }
  return bin;
}

describe('a host', () => {
  async function installOn(path: string): Promise<Installing> {
    const destdir = await disposableDirectory();
    const { url } = server();
    return runScript((await ask(url, '/install.sh')).text, ['--destdir', destdir, '--cron'], { path });
  }

  test('without Node, or with an old one, is told what to install', async () => {
    const path = await pathWithout('node');
    const none = await installOn(path);
    expect(none).toMatchObject({ exitCode: 1, all: expect.stringContaining('apt-get install nodejs') });
    await writeFile(join(path, 'node'), '#!/bin/sh\necho v16.20.2\n', { mode: 0o755 });
    expect(await installOn(path)).toMatchObject({ exitCode: 1, all: expect.stringContaining('v16.20.2 is too old') });
  });

  test('without flock, or without curl and wget, is told so', async () => {
    expect((await installOn(await pathWithout('flock'))).all).toContain("'flock' is missing");
    expect((await installOn(await pathWithout('curl', 'wget'))).all).toContain('neither curl nor wget');
  });

  test('with only wget installs all the same, and hears that cron will not find Node in that place', async () => {
    const installed = await installOn(await pathWithout('curl'));
    expect(installed).toMatchObject({ exitCode: 0, all: expect.stringContaining('etc/cron.d/tagwave') });
    expect(installed.all).toContain('where cron and systemd do not look');
  });
});
