import { spawn } from 'node:child_process';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseConfig } from '../../client/settings/config-text.ts';
import { layerOfEnvironment } from '../../client/settings/environment.ts';
import { mergeSettings } from '../../client/settings/merge.ts';
import { VERSION } from '../../client/version.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, runClient, runProcess } from './run-client.ts';
import { serveView, viewOf } from './serve-view.ts';

async function errorsOf(text: string): Promise<readonly string[]> {
  const file = parseConfig('client.yml', text);
  if (!file.ok) return file.errors;
  const merged = mergeSettings([file.layer]);
  return merged.ok ? [] : merged.errors;
}

test('the version that is reported is the package’s', () => {
  expect(VERSION).toBe(packageJson.version);
});

describe('client.yml', () => {
  test('has the same keys as the flags', async () => {
    const text = `# comment
server:
  - http://a:8420
  - https://b.example.com/tagwave
hostname: Web1.Example.COM.
target: /srv/config
tag: trunk
splay: 300
timeout: 5
dry-run: true
detailed-exitcode: yes
verbose: on
json: false
`;
    const file = parseConfig('client.yml', text);
    if (!file.ok) throw new Error(file.errors.join('\n'));
    expect(mergeSettings([file.layer])).toMatchObject({
      ok: true,
      settings: {
        servers: [new URL('http://a:8420/'), new URL('https://b.example.com/tagwave')],
        hostname: 'web1.example.com',
        target: '/srv/config',
        tag: 'trunk',
        splaySeconds: 300,
        timeoutSeconds: 5,
        dryRun: true,
        detailedExitcode: true,
        verbose: true,
        json: false,
      },
    });
  });

  test('that is empty, or all comments, says nothing', async () => {
    for (const text of ['', '# nothing\n', '{}']) expect(await errorsOf(text)).toEqual([]);
  });

  test('that nests without end is told to be wrong, however it does', () => {
    for (const deep of ['a: ', '{a: ', '['])
      expect(parseConfig('client.yml', deep.repeat(20_000))).toMatchObject({ ok: false });
  });

  test('tells all unknown keys and wrong shapes at once, with their lines', async () => {
    expect(await errorsOf('sever: http://a\n\ntarget: [a, b]\nsplay: 5\nhostnme: x\nserver: {a: b}\n')).toEqual([
      expect.stringMatching(/^client\.yml line 1: unknown key "sever"; known are server, hostname, /),
      'client.yml line 3: target: expected a directory',
      expect.stringMatching(/^client\.yml line 5: unknown key "hostnme"/),
      expect.stringMatching(/^client\.yml line 6: server: expected the URL of a server/),
    ]);
  });

  test('tells all wrong values at once, with their lines', async () => {
    expect(
      await errorsOf('server: ftp://a\nhostname: a_b\ntag: yesterday\nsplay: -1\ntimeout: 0\njson: maybe\n'),
    ).toEqual([
      expect.stringMatching(/^client\.yml line 1: server: expected the URL of a server.*found "ftp:\/\/a"$/),
      expect.stringMatching(/^client\.yml line 2: hostname: .*found "a_b"$/),
      expect.stringMatching(/^client\.yml line 3: tag: .*found "yesterday"$/),
      'client.yml line 4: splay: expected seconds from 0 to 86400, found "-1"',
      'client.yml line 5: timeout: expected seconds from 1 to 3600, found "0"',
      'client.yml line 6: json: expected true or false, found "maybe"',
    ]);
  });

  test.each(['server: [', 'server: a\nserver: b', '- a', 'just text', '"a', 'a: b: c', '&x [*x]'])(
    'refuses %j with a line',
    async (text) => {
      expect((await errorsOf(text))[0]).toMatch(/^client\.yml line \d+: /);
    },
  );
});

test('a URL with credentials, a query or a fragment is refused', async () => {
  for (const url of ['http://user:secret@a', 'http://a/?x=1', 'http://a/#x', 'a:8420', 'http://', 'file:///etc'])
    expect(await errorsOf(`server: ${JSON.stringify(url)}`)).toHaveLength(1);
});

test('an empty variable counts as unset, and several servers are split at spaces and commas', () => {
  const layer = layerOfEnvironment({
    TAGWAVE_CLIENT_SERVER: ' http://a http://b,http://c ',
    TAGWAVE_CLIENT_TARGET: '',
    TAGWAVE_CLIENT_OTHER: 'x',
  });
  expect(layer).toEqual({ server: { texts: ['http://a', 'http://b', 'http://c'], where: 'TAGWAVE_CLIENT_SERVER' } });
});

describe('the command', () => {
  test('takes flags before variables before the file', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const directory = await disposableDirectory();
    const config = join(directory, 'client.yml');
    await writeFile(config, `server: ${server.url}\nhostname: from-file\ntarget: ${join(directory, 'file')}\n`);
    const env = {
      TAGWAVE_CLIENT_CONFIG: config,
      TAGWAVE_CLIENT_HOSTNAME: 'from-env',
      TAGWAVE_CLIENT_TARGET: join(directory, 'env'),
    };
    expect((await runClient(['poll', '--target', join(directory, 'flag')], env)).code).toBe(0);
    expect(server.requests[0]?.url).toBe('/v1/nodes/from-env');
    expect(await currentTree(join(directory, 'flag'))).toEqual({ a: '1' });
  });

  test.each<[string, string[], string]>([
    ['without a command', [], 'Usage: tagwave'],
    ['with an unknown command', ['pol'], "unknown command 'pol'"],
    ['with an unknown flag', ['poll', '--sever', 'x'], "unknown option '--sever'"],
    ['with an argument too many', ['poll', 'http://a'], 'too many arguments'],
    ['without a server', ['poll', '--hostname', 'web1'], 'no server is given'],
    ['with a wrong value', ['poll', '--splay', 'soon'], '--splay: expected seconds from 0 to 86400, found "soon"'],
    [
      'with a hostname that leads elsewhere',
      ['poll', '--server', 'http://a', '--hostname', '../../x'],
      '--hostname: expected a host name',
    ],
    [
      'with --detailed-exitcode alone',
      ['poll', '--server', 'http://a', '--detailed-exitcode'],
      'only means something with --dry-run',
    ],
    [
      'with a configuration that is not there',
      ['poll', '--config', '/nonexistent/client.yml'],
      '/nonexistent/client.yml: cannot be read: there is no such file',
    ],
    ['with a directory as configuration', ['poll', '--config', '/'], '/: cannot be read'],
  ])('%s exits 2 and says what is wrong', async (_what, args, sentence) => {
    const run = await runClient(args);
    expect(run).toMatchObject({ code: 2, stdout: '' });
    expect(run.stderr).toContain(sentence);
  });

  test('tells its version, and helps with examples on stdout', async () => {
    expect(await runClient(['--version'])).toMatchObject({ code: 0, stdout: `${VERSION}\n` });
    for (const command of ['poll', 'status']) {
      const help = await runClient([command, '--help']);
      expect(help).toMatchObject({ code: 0, stderr: '' });
      expect(help.stdout).toContain('Examples:');
    }
  });

  test.skipIf(process.getuid?.() !== 0)(
    'with a configuration that it may not read exits 2 and says so (skipped unless root can drop to another user)',
    async () => {
      const directory = await disposableDirectory();
      await chmod(directory, 0o755);
      const config = join(directory, 'client.yml');
      await writeFile(config, 'server: http://a\n', { mode: 0o600 });
      const run = await runProcess(['poll', '--config', config], { uid: 65_534 });
      expect(run.code).toBe(2);
      expect(run.stderr).toMatch(/client\.yml: cannot be read: EACCES/);
    },
  );

  test.skipIf(process.getuid?.() !== 0)(
    'on a target that it may not write exits 1 and says who may (skipped unless root can drop to another user)',
    async () => {
      const server = await serveView(await viewOf({ a: '1' }));
      const directory = await disposableDirectory();
      await chmod(directory, 0o755);
      await mkdir(join(directory, 'target'), { mode: 0o755 });
      const run = await runProcess(
        ['poll', '--server', server.url, '--hostname', 'web1', '--target', join(directory, 'target')],
        { uid: 65_534 },
      );
      expect(run.code).toBe(1);
      expect(run.stderr).toContain('permission denied');
      expect(run.stderr).toContain('Run as the owner of the target directory');
    },
  );

  test('asks as the machine’s own name when none is given', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const target = await disposableDirectory();
    const own = await outputOf('hostname');
    expect((await runClient(['poll', '--server', server.url, '--target', target])).code).toBe(0);
    expect(server.requests[0]?.url.toLowerCase()).toContain(`/v1/nodes/${own.trim().toLowerCase().split('.')[0]}`);
  });

  test('keeps the full name found before when the resolver does not answer', async () => {
    const server = await serveView(await viewOf({ a: '1' }));
    const [target, bin] = [await disposableDirectory(), await disposableDirectory()];
    const own = (await outputOf('hostname')).trim().toLowerCase().split('.')[0] ?? '';
    const poll = async (script: string): Promise<string | undefined> => {
      await writeFile(join(bin, 'hostname'), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
      await runProcess(['poll', '--server', server.url, '--target', target], {
        env: { PATH: `${bin}:${process.env['PATH']}` },
      });
      return server.requests.filter(({ kind }) => kind === 'question').at(-1)?.url;
    };
    expect(await poll(`echo ${own}.example.com`)).toBe(`/v1/nodes/${own}.example.com`);
    expect(await poll('echo "hostname: Temporary failure in name resolution" >&2; exit 1')).toBe(
      `/v1/nodes/${own}.example.com`,
    );
    expect(await poll('echo localhost')).toBe(`/v1/nodes/${own}.example.com`);
    expect(await poll(`echo ${own}.other.example`)).toBe(`/v1/nodes/${own}.other.example`);
  });
});

function outputOf(command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const child = spawn(command, { stdio: ['ignore', 'pipe', 'inherit'] });
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    child.once('error', reject).once('close', () => resolve(text));
  });
}
