import { execFile } from 'node:child_process';
import {
  chmod,
  cp,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test } from 'vitest';
import { reportSchema } from '../../protocol/assignment.ts';
import { digestOf } from '../../protocol/manifest.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import {
  archiveOf,
  type Member,
  membersOf,
  type Release,
  releaseOf,
  releaseServer,
  stop,
  type Tree,
} from './release-server.ts';

const SCRIPT = join(import.meta.dirname, '../../samples/poll.sh');
const HOST = 'web1.example.com';
const BEFORE: Tree = {
  'etc/motd': 'before\n',
  'etc/app.conf': 'port 80\n',
  'etc/link': { mode: '120000', text: 'app.conf' },
  'usr/bin/report': { mode: '100755', text: '#!/bin/sh\necho report\n' },
};
const AFTER: Tree = { 'etc/motd': 'after\n', 'etc/größe mit raum': 'x\n', 'etc/empty': '' };

interface Run {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function host() {
  const server = await releaseServer();
  const target = join(await disposableDirectory(), 'target');
  const poll = async (...options: string[]): Promise<Run> => {
    const run = await execa('dash', [SCRIPT, '-s', server.url, '-n', HOST, '-t', target, ...options], {
      reject: false,
      env: { http_proxy: '', TAGWAVE_CLIENT_SERVER: '' },
    });
    return { exitCode: run.exitCode ?? -1, stdout: run.stdout, stderr: run.stderr };
  };
  const read = (path: string): Promise<string> => readFile(join(target, 'current', path), 'utf8');
  const running = (): Promise<string> => readlink(join(target, 'current')).catch(() => 'nothing');
  return { server, target, poll, read, running };
}

type Host = Awaited<ReturnType<typeof host>>;

const directoryOf = (release: Release): string => `releases/${release.digest.slice(7, 23)}`;

/** A host that runs one release and is offered the next. */
async function hostBetween(options: { next?: Release } = {}): Promise<Host & { before: Release; after: Release }> {
  const the = await host();
  const before = await releaseOf('etchautotag-20261120-0700', BEFORE);
  const after = options.next ?? (await releaseOf('etchautotag-20261120-0800', AFTER));
  the.server.serve(before);
  if (ran === undefined) {
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    ran = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
    await cp(the.target, ran, { recursive: true, verbatimSymlinks: true });
  } else {
    await cp(ran, the.target, { recursive: true, verbatimSymlinks: true });
    const [, ...rest] = (await readFile(join(ran, 'poll.state'), 'utf8')).split('\n');
    await writeFile(join(the.target, 'poll.state'), [`${the.server.url}/${HOST}`, ...rest].join('\n'));
  }
  the.server.serve(after);
  return { ...the, before, after };
}

/** The target as a real first run leaves it, so that not every test has to run one. */
let ran: string | undefined;
afterAll(() => (ran === undefined ? undefined : rm(ran, { recursive: true })));

async function expectUntouched(the: Host & { before: Release }): Promise<void> {
  expect(await the.running()).toBe(directoryOf(the.before));
  expect(await the.read('etc/motd')).toBe('before\n');
  expect((await readdir(the.target)).filter((name) => name.startsWith('.'))).toEqual(['.lock']);
}

describe('a first run', () => {
  test('puts every file, link and execute bit in place, says so in one line, and the next run is silent', async () => {
    const the = await host();
    const release = await releaseOf('etchautotag-20261120-0700', BEFORE);
    the.server.serve(release);
    const first = await the.poll();
    expect(first).toMatchObject({ exitCode: 0, stderr: '' });
    expect(first.stdout).toBe(`poll.sh: ${HOST} now runs etchautotag-20261120-0700 (4 files, ${release.digest})`);
    expect(await the.running()).toBe(directoryOf(release));
    expect(await the.read('etc/app.conf')).toBe('port 80\n');
    expect(await readlink(join(the.target, 'current/etc/link'))).toBe('app.conf');
    expect((await lstat(join(the.target, 'current/usr/bin/report'))).mode & 0o7777).toBe(0o755);
    expect((await lstat(join(the.target, 'current/etc/motd'))).mode & 0o7777).toBe(0o644);

    const before = the.server.requests.length;
    expect(await the.poll()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(the.server.requests.slice(before)).toEqual([`GET /v1/nodes/${HOST}`]);
    expect(the.server.asked()).toMatchObject({ 'tagwave-running': release.digest });
    expect(the.server.asked()['if-none-match']).toBeTypeOf('string');
  });

  test('of an empty view makes an empty release', async () => {
    const the = await host();
    the.server.serve(await releaseOf('etchautotag-20261120-0700', {}));
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(the.target, 'current'))).toEqual([]);
  });

  test('accepts an archive that names the directories it needs', async () => {
    const the = await host();
    const members: Member[] = [
      { name: 'etc/', type: 'directory', mode: 0o777 },
      ...membersOf({ 'etc/motd': 'hello\n' }),
    ];
    the.server.serve(await releaseOf('etchautotag-20261120-0700', { 'etc/motd': 'hello\n' }, members));
    expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await the.read('etc/motd')).toBe('hello\n');
  });
});

describe('a new release', () => {
  test('replaces the old one as a whole: files that it does not have are gone from current', async () => {
    const the = await hostBetween();
    expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await the.running()).toBe(directoryOf(the.after));
    expect((await readdir(join(the.target, 'current/etc'))).sort()).toEqual(['empty', 'größe mit raum', 'motd']);
    expect(await readFile(join(the.target, directoryOf(the.before), 'etc/app.conf'), 'utf8')).toBe('port 80\n');
  });

  test('with the content that runs already is noted without a download', async () => {
    const the = await hostBetween();
    the.server.serve({ ...the.before, tag: 'etchautotag-20261120-0900' });
    const before = the.server.requests.length;
    expect(await the.poll()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(the.server.requests.slice(before)).toEqual([`GET /v1/nodes/${HOST}`]);
  });

  test('leaves three releases in all, and going back to one of them downloads no archive', async () => {
    const the = await host();
    const releases: Release[] = [];
    for (const hour of ['06', '07', '08', '09']) {
      releases.push(await releaseOf(`etchautotag-20261120-${hour}00`, { 'etc/motd': `${hour}\n` }));
    }
    for (const release of releases) {
      the.server.serve(release);
      expect(await the.poll()).toMatchObject({ exitCode: 0 });
    }
    const kept = (await readdir(join(the.target, 'releases'))).map((name) => `releases/${name}`);
    expect(kept.sort()).toEqual(releases.slice(1).map(directoryOf).sort());

    const [, seven] = releases as [Release, Release];
    the.server.serve(seven);
    const before = the.server.requests.length;
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await the.read('etc/motd')).toBe('07\n');
    expect(the.server.requests.slice(before).filter((line) => line.endsWith('/archive'))).toEqual([]);
  });
});

describe('nothing is applied', () => {
  test('on a hold: exit 4 and the reason, told once', async () => {
    const the = await hostBetween();
    the.server.intercept(`/v1/nodes/${HOST}`, (_, response) =>
      stop(response, { status: 409, message: 'no tag is "fit" yet' }),
    );
    expect(await the.poll()).toEqual({ exitCode: 4, stdout: '', stderr: 'poll.sh: on hold: no tag is "fit" yet' });
    expect(await the.poll()).toEqual({ exitCode: 4, stdout: '', stderr: '' });
    expect((await the.poll('-v')).stderr).toContain('no tag is "fit" yet');
    await expectUntouched(the);
  });

  test('under the killswitch: exit 3 and its message without what a terminal would obey', async () => {
    const the = await hostBetween();
    const message = 'ntp is down\nwait \u009b31m for \u202eannie\u202c \u001b[2J\u0007!';
    the.server.intercept(`/v1/nodes/${HOST}`, (_, response) => {
      response.writeHead(423, { 'Tagwave-Outcome': 'killswitch' });
      response.end(
        `{"code":"killswitch","message":${JSON.stringify(message).replace('\\u0007', '\u0007')},"reasons":["x"]}`,
      );
    });
    const run = await the.poll();
    expect(run.exitCode).toBe(3);
    expect(run.stderr).toBe('poll.sh: killswitch: ntp is down wait 31m for annie [2J!');
    await expectUntouched(the);
  });

  test('when the killswitch is pulled during the download: exit 3', async () => {
    const the = await hostBetween();
    the.server.intercept('/archive', (_, response) => stop(response, { status: 423, message: 'stop' }));
    expect(await the.poll()).toMatchObject({ exitCode: 3, stderr: 'poll.sh: killswitch: stop' });
    await expectUntouched(the);
  });

  test('when the killswitch is pulled between the download and the flip: exit 3, and what was staged is used later', async () => {
    const the = await hostBetween();
    let questions = 0;
    the.server.intercept(`/v1/nodes/${HOST}`, (request, response) => {
      if (++questions === 2) return stop(response, { status: 423, message: 'stop' });
      response.writeHead(200, {
        'Tagwave-Outcome': 'serve',
        'Tagwave-Tag': the.after.tag,
        'Tagwave-Digest': the.after.digest,
        ETag: `"${request.headers.host}"`,
      });
      response.end('{}');
    });
    expect(await the.poll()).toMatchObject({ exitCode: 3 });
    await expectUntouched(the);

    const before = the.server.requests.length;
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await the.running()).toBe(directoryOf(the.after));
    expect(the.server.requests.slice(before).filter((line) => line.endsWith('/archive'))).toEqual([]);
  });

  test.each([
    ['a server error', (response) => response.writeHead(500).end('{"title":"internal"}')],
    ['a redirect', (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()],
    [
      'the page of a portal',
      (response) => response.writeHead(200, { 'Content-Type': 'text/html' }).end('<h1>Sign in</h1>'),
    ],
    ['not modified, unasked', (response) => response.writeHead(304).end()],
    [
      'a digest that is none',
      (response) => response.writeHead(200, { 'Tagwave-Outcome': 'serve', 'Tagwave-Digest': 'sha256:../x' }).end(),
    ],
    [
      'a body that breaks off',
      (response) => {
        response.writeHead(200, { 'Tagwave-Outcome': 'serve', 'Content-Length': '500' });
        response.write('{');
        response.socket?.end();
      },
    ],
    ['a connection that breaks off', (response) => response.destroy()],
  ] satisfies [string, (response: ServerResponse) => void][])('on %s: exit 1 with a sentence', async (_, answer) => {
    const the = await hostBetween();
    await rm(join(the.target, 'poll.state'));
    the.server.intercept(`/v1/nodes/${HOST}`, (_request, response) => answer(response));
    const run = await the.poll();
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toMatch(/^poll\.sh: .+nothing was changed|Nothing was changed/);
    await expectUntouched(the);
  });

  test('when the server is gone: exit 1', async () => {
    const the = await hostBetween();
    const run = await the.poll('-s', 'http://127.0.0.1:1');
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toContain('did not answer');
    await expectUntouched(the);
  });

  test.each(['/manifest', '/archive'])('when the %s is cut off, announced length or not', async (what) => {
    const the = await hostBetween();
    const whole = what === '/archive' ? the.after.archive : the.after.manifest;
    for (const headers of [{ 'Content-Length': String(whole.length) }, { Connection: 'close' }]) {
      the.server.intercept(what, (_, response) => {
        response.useChunkedEncodingByDefault = false;
        response.writeHead(200, headers);
        response.write(whole.subarray(0, whole.length - 20), () => response.socket?.end());
      });
      expect(await the.poll()).toMatchObject({ exitCode: 1 });
      await expectUntouched(the);
    }
  });

  test('when a manifest does not hash to its digest', async () => {
    const the = await hostBetween();
    const other = await releaseOf('etchautotag-20261120-0800', { 'etc/motd': 'something else\n' });
    the.server.intercept('/manifest', (_, response) => response.writeHead(200).end(other.manifest));
    const run = await the.poll();
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toContain('hashes to something else');
    await expectUntouched(the);
  });

  test('when the answer keeps changing while it downloads', async () => {
    const the = await hostBetween();
    const third = await releaseOf('etchautotag-20261120-0900', { 'etc/motd': 'third\n' });
    let release = the.after;
    the.server.intercept('/archive', (_, response) => {
      response.writeHead(200).end(release.archive);
      release = release === third ? the.after : third;
      the.server.serve(release);
    });
    const run = await the.poll();
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toContain('changed twice');
    await expectUntouched(the);
  });
});

test('an answer that changed while downloading is followed: the run starts over once and applies the new one', async () => {
  const the = await hostBetween();
  const third = await releaseOf('etchautotag-20261120-0900', { 'etc/motd': 'third\n' });
  the.server.intercept('/archive', (_, response) => {
    the.server.intercept('/archive', undefined);
    the.server.serve(third);
    response.writeHead(200).end(the.after.archive);
  });
  expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
  expect(await the.running()).toBe(directoryOf(third));
});

describe('a hostile archive writes nothing outside and is refused', () => {
  const MOTD: Tree = { 'etc/motd': 'after\n' };
  const honest = membersOf(MOTD);
  const cases: [string, Member[]][] = [
    ['a member that climbs out', [...honest, { name: '../../escaped', text: 'x' }]],
    ['a member with an absolute name', [...honest, { name: '/tmp/tagwave-escaped', text: 'x' }]],
    ['a member instead of the announced one', [{ name: '../../escaped', text: 'after\n' }]],
    ['a link, then a file through it', [{ name: 'etc', type: 'symlink', linkname: '../../..' }, ...honest]],
    ['a file, then a link in its place', [...honest, { name: 'etc/motd', type: 'symlink', linkname: '/etc/passwd' }]],
    ['a hard link to a file outside', [{ name: 'etc/motd', type: 'link', linkname: '../../../poll.state' }]],
    ['a device', [...honest, { name: 'etc/null', type: 'character-device', devmajor: 1, devminor: 3 }]],
    ['a pipe', [{ name: 'etc/motd', type: 'fifo' }]],
    ['the same file twice', [...honest, ...honest]],
    ['a file that was not announced', [...honest, { name: 'etc/extra', text: 'x' }]],
    ['a directory that was not announced', [...honest, { name: 'var/', type: 'directory' }]],
    ['a missing file', []],
    ['a name with a line end', [{ name: 'etc/motd\netc/motd', text: 'x' }]],
    ['other content of the same length', [{ name: 'etc/motd', text: 'AFTER\n' }]],
    ['far more bytes than announced', [{ name: 'etc/motd', text: 'after\n'.repeat(100_000) }]],
  ];
  test.each(cases)('%s', async (what, members) => {
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', MOTD, members) });
    const run = await the.poll();
    expect(run.exitCode).toBe(1);
    // All that a listing shows is found before a byte is written; contents only afterwards.
    const isUnpacked = what === 'other content of the same length';
    expect(run.stderr).toContain(isUnpacked ? 'what was unpacked is not what' : 'other members than its manifest');
    await expectUntouched(the);
    expect((await readdir(the.target)).sort()).toEqual(['.lock', 'current', 'poll.state', 'poll.told', 'releases']);
    expect(await readdir(join(the.target, '..'))).toEqual(['target']);
    expect(await readdir(join(the.target, 'releases'))).toEqual([the.before.digest.slice(7, 23)]);
  });

  test.each([0o4644, 0o755, 0o666, 0])('permissions in an archive do not reach the disk: %i', async (mode) => {
    const members: Member[] = [{ name: 'etc/motd', mode, text: 'after\n' }];
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', MOTD, members) });
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect((await lstat(join(the.target, 'current/etc/motd'))).mode & 0o7777).toBe(0o644);
  });
});

describe('a hostile manifest is refused before anything is downloaded', () => {
  const FILE = { mode: '100644', text: 'x' } as const;
  test.each([
    ['a name that climbs out', { 'etc/../../x': FILE }],
    ['an absolute name', { '/etc/x': FILE }],
    ['an empty part', { 'etc//x': FILE }],
    ['a dot part', { './x': FILE }],
    ['a file below a link', { etc: { mode: '120000', text: '/etc' }, 'etc/x': FILE }],
    ['a reserved name', { '.tagwave/hooks.json': FILE }],
    ['a name with a line end', { 'a\nb': FILE }],
    ['a name with a quote', { 'a"b': FILE }],
  ] satisfies [string, Tree][])('%s', async (_, tree) => {
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', tree, []) });
    const before = the.server.requests.length;
    expect(await the.poll()).toMatchObject({ exitCode: 1 });
    await expectUntouched(the);
    expect(the.server.requests.slice(before).filter((line) => line.endsWith('/archive'))).toEqual([]);
  });

  test('a manifest that lists a file twice', async () => {
    const the = await hostBetween();
    const { manifest } = await releaseOf('x', { 'etc/motd': 'x' });
    const doubled = Buffer.concat([manifest, manifest]);
    the.server.serve({ tag: 'x', digest: digestOf(doubled), manifest: doubled, archive: await archiveOf([]) });
    expect(await the.poll()).toMatchObject({ exitCode: 1 });
    await expectUntouched(the);
  });
});

describe('what lies in the target', () => {
  test('a damaged release that was staged before is not used but staged anew', async () => {
    const the = await hostBetween();
    await mkdir(join(the.target, directoryOf(the.after), 'etc'), { recursive: true });
    await writeFile(join(the.target, directoryOf(the.after), 'etc/motd'), 'half');
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await the.read('etc/motd')).toBe('after\n');
  });

  test('the release in force is never written to: damaged and forgotten, its content comes into force beside it', async () => {
    const the = await hostBetween();
    the.server.serve(the.before);
    await writeFile(join(the.target, 'current/etc/motd'), 'edited\n');
    await rm(join(the.target, 'poll.state'));
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await the.read('etc/motd')).toBe('before\n');
    expect(await the.running()).toBe(`${directoryOf(the.before)}.1`);
    expect(await readFile(join(the.target, directoryOf(the.before), 'etc/motd'), 'utf8')).toBe('edited\n');
    expect(await the.poll()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('a run that was killed leaves nothing that the next one does not clear away', async () => {
    const the = await hostBetween();
    const reached = new Promise<void>((resolve) => {
      the.server.intercept('/archive', (_, response) => {
        response.writeHead(200, { 'Content-Length': String(the.after.archive.length) });
        response.write(the.after.archive.subarray(0, 30), () => resolve());
      });
    });
    const child = execFile('setsid', ['dash', SCRIPT, '-s', the.server.url, '-n', HOST, '-t', the.target]);
    const ended = new Promise((resolve) => child.once('exit', resolve));
    await reached;
    process.kill(-(child.pid ?? 0), 'SIGKILL');
    await ended;
    expect((await readdir(the.target)).filter((name) => name.startsWith('.poll.'))).toHaveLength(1);
    expect(await the.running()).toBe(directoryOf(the.before));

    the.server.intercept('/archive', undefined);
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await the.running()).toBe(directoryOf(the.after));
    expect((await readdir(the.target)).filter((name) => name.startsWith('.poll.'))).toEqual([]);
  });

  test('two runs at once: the second leaves with exit 5', async () => {
    const the = await hostBetween();
    let release = (): void => {};
    const reached = new Promise<void>((resolve) => {
      the.server.intercept('/archive', (_, response) => {
        release = () => response.writeHead(200).end(the.after.archive);
        resolve();
      });
    });
    const first = the.poll();
    await reached;
    expect(await the.poll()).toEqual({ exitCode: 5, stdout: '', stderr: '' });
    release();
    expect(await first).toMatchObject({ exitCode: 0 });
  });

  test('a directory named current is left alone: exit 1', async () => {
    const the = await host();
    await mkdir(join(the.target, 'current'), { recursive: true });
    the.server.serve(await releaseOf('etchautotag-20261120-0700', BEFORE));
    const run = await the.poll();
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toContain('is not a symbolic link');
  });

  test('a link named releases is not written through: exit 1', async () => {
    const the = await host();
    await mkdir(join(the.target, '../elsewhere'), { recursive: true });
    await mkdir(the.target);
    await symlink('../elsewhere', join(the.target, 'releases'));
    the.server.serve(await releaseOf('etchautotag-20261120-0700', BEFORE));
    expect(await the.poll()).toMatchObject({ exitCode: 1 });
    expect(await readdir(join(the.target, '../elsewhere'))).toEqual([]);
  });

  test('is only ever read and written in the C locale with the environment of cron', async () => {
    const the = await hostBetween();
    await chmod(the.target, 0o755);
    const run = await execa('sh', [SCRIPT], {
      env: {
        PATH: '/usr/bin:/bin',
        TAGWAVE_CLIENT_SERVER: `${the.server.url}/`,
        TAGWAVE_CLIENT_HOSTNAME: 'WEB1.example.com',
        TAGWAVE_CLIENT_TARGET: the.target,
      },
      extendEnv: false,
    });
    expect(run.exitCode).toBe(0);
    expect(await the.read('etc/motd')).toBe('after\n');
  });
});

describe('an archive', () => {
  /** In place of curl(1): one of before 7.68, as far as entity tags go. */
  async function oldCurl(): Promise<string> {
    const bin = await disposableDirectory();
    const real = (await execa('sh', ['-c', 'command -v curl'])).stdout;
    const refuse = 'for a; do case $a in --etag-*) echo "curl: option $a: is unknown" >&2; exit 2 ;; esac; done';
    await writeFile(join(bin, 'curl'), `#!/bin/sh\n${refuse}\nexec ${real} "$@"\n`, { mode: 0o755 });
    return `${bin}:${process.env['PATH']}`;
  }

  test.each(['a curl of today', 'an old curl'])(
    'is asked for by %s with the entity tag of what runs',
    async (which) => {
      const the = await hostBetween();
      const env = which === 'an old curl' ? { PATH: await oldCurl() } : {};
      const asked: unknown[] = [];
      the.server.intercept('/archive', (request, response) => {
        asked.push(request.headers['if-none-match'], request.headers['tagwave-running']);
        response.writeHead(200, { ETag: `"${the.after.digest}"` }).end(the.after.archive);
      });
      const run = await execa('dash', [SCRIPT, '-s', the.server.url, '-n', HOST, '-t', the.target], { env });
      expect([run.exitCode, await the.running()]).toEqual([0, directoryOf(the.after)]);
      expect(asked).toEqual([`"${the.before.digest}"`, the.before.digest]);
    },
  );

  test.each(['a curl of today', 'an old curl'])(
    'that is no longer the one that was announced is put away, and the run starts over: %s',
    async (which) => {
      const the = await hostBetween();
      const env = which === 'an old curl' ? { PATH: await oldCurl() } : {};
      const third = await releaseOf('etchautotag-20261120-0900', { 'etc/motd': 'third\n' });
      the.server.intercept('/manifest', (_, response) => {
        the.server.intercept('/manifest', undefined);
        the.server.serve(third);
        response.writeHead(200).end(the.after.manifest);
      });
      const run = await execa('dash', [SCRIPT, '-s', the.server.url, '-n', HOST, '-t', the.target], { env });
      expect([run.exitCode, run.stderr, await the.running()]).toEqual([0, '', directoryOf(third)]);
    },
  );

  test('is not sent at all where the answer went back to what runs: nothing changed', async () => {
    const the = await hostBetween();
    the.server.intercept('/manifest', (_, response) => {
      the.server.serve(the.before);
      response.writeHead(200).end(the.after.manifest);
    });
    expect(await the.poll()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    await expectUntouched(the);
  });

  test.each(['announced', 'not announced'])(
    'of far more bytes than its manifest allows for is given up, its length %s',
    async (how) => {
      const the = await hostBetween();
      const zeros = Buffer.alloc(8 * 1024 * 1024);
      let sent = 0;
      the.server.intercept('/archive', (_, response) => {
        response.writeHead(200, how === 'announced' ? { 'Content-Length': String(zeros.length) } : {});
        response.socket?.once('close', () => {
          sent = response.socket?.bytesWritten ?? 0;
        });
        response.end(zeros);
      });
      const run = await the.poll();
      expect(run).toMatchObject({ exitCode: 1 });
      expect(run.stderr).toContain('did not answer completely');
      expect(sent).toBeLessThan(zeros.length);
      await expectUntouched(the);
    },
  );

  test('of a release that is larger than the limit is not asked for', async () => {
    const the = await hostBetween({
      next: await releaseOf('etchautotag-20261120-0800', { 'etc/large': 'x'.repeat(1_100_000) }),
    });
    const before = the.server.requests.length;
    const run = await the.poll('-m', '1');
    expect(run).toMatchObject({ exitCode: 1 });
    expect(run.stderr).toContain('has 1 MiB of files, and no more than 1 are allowed here (-m)');
    expect(the.server.requests.slice(before).filter((line) => line.endsWith('/archive'))).toEqual([]);
    await expectUntouched(the);
    expect(await the.poll('-m', '2')).toMatchObject({ exitCode: 0 });
  });
});

describe('a release', () => {
  const HOOKS = { '.tagwave/hooks.json': '{"hooks":[{"run":"systemctl reload nginx"}],"verify":[]}' };

  test('with hooks is refused, because nobody would run them, unless the files alone are asked for', async () => {
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', { ...AFTER, ...HOOKS }) });
    const refused = await the.poll();
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain(
      'has hooks, which this client does not run: use the full client here, or --ignore-hooks',
    );
    await expectUntouched(the);
    expect(await the.poll('--ignore-hooks')).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await the.read('etc/motd')).toBe('after\n');
    expect(await the.poll('-i')).toEqual({ exitCode: 0, stdout: '', stderr: '' });
  });

  test('with an owner is refused in words', async () => {
    const owned = { mode: '100644', text: 'x', owner: 'postgres' } as const;
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', { 'etc/a': owned }) });
    const run = await the.poll();
    expect(run.exitCode).toBe(1);
    expect(run.stderr).toContain('sets the owner or group of a file');
    await expectUntouched(the);
  });

  test('has the permissions that its manifest sets, and one that was staged with others is staged anew', async () => {
    const tree: Tree = {
      'etc/secret': { mode: '100644', text: 'password\n', perm: '0400' },
      'etc/sudoers': { mode: '100644', text: 'root\n', perm: '0440' },
      'usr/bin/mit raum': { mode: '100755', text: '#!/bin/sh\n', perm: '4750' },
      'etc/motd': 'after\n',
    };
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', tree) });
    const modes = async () => {
      const paths = Object.keys(tree).map((path) => lstat(join(the.target, 'current', path)));
      return (await Promise.all(paths)).map((stats) => (stats.mode & 0o7777).toString(8));
    };
    expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await modes()).toEqual(['400', '440', '4750', '644']);
    the.server.serve(the.before);
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    await chmod(join(the.target, directoryOf(the.after), 'etc/secret'), 0o644);
    the.server.serve(the.after);
    expect(await the.poll()).toMatchObject({ exitCode: 0 });
    expect(await modes()).toEqual(['400', '440', '4750', '644']);
  });
});

describe('where the server offers it, a report', () => {
  test('says what was applied, and then, once a day, that nothing changed', async () => {
    const the = await hostBetween();
    const reports = the.server.offerReports();
    expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(reports).toHaveLength(1);
    const [applied] = reports.map((body) => reportSchema.parse(body));
    expect(applied).toMatchObject({
      tag: the.after.tag,
      digest: the.after.digest,
      outcome: 'applied',
      changed: 3,
      clientVersion: 'poll.sh',
    });
    expect(await the.poll()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    expect(reports).toHaveLength(1);
    const yesterday = new Date(Date.now() - 25 * 3_600_000);
    await utimes(join(the.target, 'poll.reported'), yesterday, yesterday);
    for (let run = 0; run < 2; run++) expect(await the.poll()).toEqual({ exitCode: 0, stdout: '', stderr: '' });
    const [, unchanged, ...more] = reports.map((body) => reportSchema.parse(body));
    expect(more).toEqual([]);
    expect(unchanged).toMatchObject({ tag: the.after.tag, digest: the.after.digest, outcome: 'unchanged', changed: 0 });
    expect(unchanged?.runId).not.toBe(applied?.runId);
  });

  test('says what failed, as often as the host says so itself, in words that no quote or line end gets into', async () => {
    const the = await hostBetween({ next: await releaseOf('etchautotag-20261120-0800', { 'a"b\\\n': 'x' }, []) });
    const reports = the.server.offerReports();
    for (let run = 0; run < 2; run++) expect(await the.poll()).toMatchObject({ exitCode: 1 });
    const [failed, ...more] = reports.map((body) => reportSchema.parse(body));
    expect(more).toEqual([]);
    expect(failed).toMatchObject({ tag: the.after.tag, digest: the.after.digest, outcome: 'failed', changed: 0 });
    expect(failed?.error).toContain('poll.sh: etchautotag-20261120-0800 has a file that this client cannot handle');
  });

  test('names no tag where only the way to the server failed', async () => {
    const the = await hostBetween();
    const reports = the.server.offerReports();
    the.server.intercept('/archive', (_, response) => response.destroy());
    expect(await the.poll()).toMatchObject({ exitCode: 1 });
    expect(reports.map(({ tag, digest, outcome }) => [tag, digest, outcome])).toEqual([[null, null, 'failed']]);
  });

  test('on a hold or a killswitch there is none', async () => {
    const the = await hostBetween();
    const reports = the.server.offerReports();
    for (const status of [409, 423] as const) {
      the.server.intercept(`/v1/nodes/${HOST}`, (_, response) => stop(response, { status, message: 'stop' }));
      expect((await the.poll()).exitCode).toBe(status === 409 ? 4 : 3);
    }
    expect(reports).toEqual([]);
  });

  test.each<[string, (response: ServerResponse) => void]>([
    ['refused', (response) => response.writeHead(403).end('{}')],
    ['never answered', (response) => response.destroy()],
    ['an error', (response) => response.writeHead(503).end()],
    ['led elsewhere', (response) => response.writeHead(307, { Location: 'http://127.0.0.1:1/' }).end()],
  ])('that is %s changes neither the run nor its exit', async (_, answer) => {
    const the = await hostBetween();
    the.server.offerReports();
    the.server.intercept('/reports', (_request, response) => answer(response));
    expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await the.running()).toBe(directoryOf(the.after));
    expect(await readdir(the.target)).not.toContain('poll.reported');
  });

  test.each(['http://127.0.0.1:1/', '@127.0.0.1/', '/v1/nodes/$(id)/reports', '/v1/x?y=z#'])(
    'is not sent to what is no plain path of the server: %s',
    async (path) => {
      const the = await hostBetween();
      const reports = the.server.offerReports(path);
      expect(await the.poll()).toMatchObject({ exitCode: 0, stderr: '' });
      expect(reports).toEqual([]);
    },
  );
});

test('a splay is the same on every run of a host, below its limit, and different between hosts', async () => {
  const { server, target, poll } = await host();
  server.serve(await releaseOf('etchautotag-20261120-0700', BEFORE));
  // In place of sleep(1): tells how long, without waiting.
  const bin = await disposableDirectory();
  await writeFile(join(bin, 'sleep'), `#!/bin/sh\necho "$1" >>${bin}/slept\n`, { mode: 0o755 });
  const PATH = `${bin}:${process.env['PATH']}`;
  for (const name of ['web1', 'web1', 'web2', 'web3', 'web4']) {
    await execa('dash', [SCRIPT, '-s', server.url, '-n', name, '-t', target, '-p', '540'], { env: { PATH } });
  }
  const slept = (await readFile(join(bin, 'slept'), 'utf8')).trim().split('\n').map(Number);
  expect(slept[0]).toBe(slept[1]);
  expect(new Set(slept).size).toBe(4);
  expect(Math.max(...slept)).toBeLessThan(540);
  expect(await poll()).toMatchObject({ exitCode: 0 });
});

test.each([
  [['-s', 'ftp://server'], 'http://'],
  [[], 'no server'],
  [['-s', 'http://server', '-n', '../x'], 'not a host name'],
  [['-s', 'http://server', '-n', '-x'], 'not a host name'],
  [['-s', 'http://server', '-t', 'relative'], 'absolute path'],
  [['-s', 'http://server', '-p', '1h'], 'number of seconds'],
  [['-s', 'http://server', '-m', '1G'], 'number of mebibytes'],
  [['-s', 'http://server', 'extra'], 'unexpected argument'],
  [['-z'], 'unknown option'],
])('usage: %j is exit 2 and says why', async (options, why) => {
  const run = await execa('dash', [SCRIPT, ...options], { reject: false, env: { TAGWAVE_CLIENT_SERVER: '' } });
  expect(run.exitCode).toBe(2);
  expect(run.stderr).toContain(why);
});
