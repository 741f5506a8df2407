import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { compareVersions, planUpdate } from '../../client/core/update.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { copyAs, releaseDirectory } from '../rig/client-bundle.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { testServer } from '../rig/server.ts';

const CURRENT = packageJson.version;

let built = '';
beforeAll(async () => {
  built = await releaseDirectory(await mkdtemp(join(tmpdir(), 'tagwave-release-')));
  await chmod(built, 0o755);
});
afterAll(() => rm(built, { recursive: true, force: true }));

/** A real server whose client has this version. */
async function serverWith(version: string): Promise<string> {
  const clientDirectory = await disposableDirectory();
  await copyFile(join(built, 'install.sh'), join(clientDirectory, 'install.sh'));
  await copyAs(version, join(built, 'tagwave.cjs'), join(clientDirectory, 'tagwave.cjs'));
  return (await testServer({ now: '2026-11-20T11:20:00Z', clientDirectory })).url;
}

/** The client as it is installed on a host. */
async function installed(mode = 0o755): Promise<string> {
  const bin = await disposableDirectory();
  await chmod(bin, 0o755);
  await copyFile(join(built, 'tagwave.cjs'), join(bin, 'tagwave'));
  await chmod(join(bin, 'tagwave'), mode);
  return bin;
}

async function run(program: string, args: readonly string[], options: { readonly uid?: number } = {}) {
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program, ...args], {
    reject: false,
    cwd: '/',
    ...options,
  });
  return { exitCode, stdout, stderr };
}

const update = (bin: string, url: string, ...flags: readonly string[]) =>
  run(join(bin, 'tagwave'), ['update', '--server', url, ...flags]);
const versionOf = async (path: string): Promise<string> => (await run(path, ['--version'])).stdout;

describe('tagwave update', () => {
  test('puts the server’s client in its own place, keeps its mode, and keeps the old one beside it', async () => {
    const bin = await installed(0o750);
    const url = await serverWith('7.8.9');
    expect(await update(bin, url)).toEqual({
      exitCode: 0,
      stdout: `tagwave: now 7.8.9; ${CURRENT} is kept as ${bin}/tagwave.previous`,
      stderr: '',
    });
    expect(await versionOf(join(bin, 'tagwave'))).toBe('7.8.9');
    expect(await versionOf(join(bin, 'tagwave.previous'))).toBe(CURRENT);
    expect((await stat(join(bin, 'tagwave'))).mode & 0o7777).toBe(0o750);
    expect((await readdir(bin)).sort()).toEqual(['tagwave', 'tagwave.previous']);
    expect(await update(bin, url)).toEqual({ exitCode: 0, stdout: `tagwave: 7.8.9 is what ${url} has`, stderr: '' });
    expect(await versionOf(join(bin, 'tagwave.previous'))).toBe(CURRENT);
  });

  test('with --check only tells, and exits 6 where there is another one', async () => {
    const bin = await installed();
    const url = await serverWith('7.8.9');
    expect(await update(bin, url, '--check')).toEqual({
      exitCode: 6,
      stdout: `tagwave: ${url} has 7.8.9; this is ${CURRENT}`,
      stderr: '',
    });
    const asked = await update(bin, url, '--check', '--json');
    expect(JSON.parse(asked.stdout)).toMatchObject({ outcome: 'available', version: CURRENT, offered: '7.8.9' });
    expect(await readdir(bin)).toEqual(['tagwave']);
  });

  test('goes back to an older one only with --force', async () => {
    const bin = await installed();
    const url = await serverWith('0.0.1');
    const refused = await update(bin, url);
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    expect(refused.stderr).toContain(`has 0.0.1, which is older than this (${CURRENT})\n  Nothing was changed.`);
    expect(await versionOf(join(bin, 'tagwave'))).toBe(CURRENT);
    expect(await update(bin, url, '--force')).toMatchObject({ exitCode: 0 });
    expect(await versionOf(join(bin, 'tagwave'))).toBe('0.0.1');
  });

  test('goes through a link to the file itself', async () => {
    const bin = await installed();
    const link = join(await disposableDirectory(), 'tw');
    await symlink(join(bin, 'tagwave'), link);
    expect(await run(link, ['update', '--server', await serverWith('7.8.9')])).toMatchObject({ exitCode: 0 });
    expect(await versionOf(link)).toBe('7.8.9');
    expect(await versionOf(join(bin, 'tagwave'))).toBe('7.8.9');
  });

  test('replaces nothing that is no client in one file, or that npm looks after', async () => {
    const url = await serverWith('7.8.9');
    const bin = await installed();
    const text = await readFile(join(bin, 'tagwave'), 'utf8');
    await writeFile(join(bin, 'tagwave'), text.replace(/^\/\/ tagwave .*\n/m, ''));
    expect(await update(bin, url)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('is no client in one file'),
    });
    const module = join(await disposableDirectory(), 'node_modules/tagwave/dist');
    await mkdir(module, { recursive: true });
    await copyFile(join(built, 'tagwave.cjs'), join(module, 'tagwave'));
    expect(await update(module, url)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("'npm update tagwave'"),
    });
    expect(await readdir(module)).toEqual(['tagwave']);
  });

  test.skipIf(process.getuid?.() !== 0)(
    'by somebody who may not replace it changes nothing and says who may (skipped unless root can drop to another user)',
    async () => {
      const bin = await installed();
      const refused = await run(join(bin, 'tagwave'), ['update', '--server', await serverWith('7.8.9')], {
        uid: 65_534,
      });
      expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining(`Run it as the owner of ${bin}.`) });
      expect(await readdir(bin)).toEqual(['tagwave']);
    },
  );

  test('takes nothing that differs from the list, is cut off, or does not run', async () => {
    const bin = await installed();
    const good = Buffer.from(
      (await readFile(join(built, 'tagwave.cjs'), 'utf8')).replace(/^(\/\/ tagwave )\S+:/m, '$17.8.9:'),
    );
    const broken = Buffer.from(good.toString().replace('"use strict";', 'throw new Error("too new");'));
    const cases: [Parameters<typeof lyingServer>[0], string][] = [
      [{ listed: good, sent: Buffer.concat([good.subarray(0, -1), Buffer.from('!')]) }, 'its SHA-256 is another'],
      [{ listed: good, sent: good.subarray(0, 1000) }, 'its SHA-256 is another'],
      [{ listed: good, sent: Buffer.concat([good, good]) }, 'its SHA-256 is another'],
      [{ listed: good, sent: good, cutAt: 1000 }, 'no server answered'],
      [{ listed: broken, sent: broken }, 'does not run with Node'],
      // Its own version is another than the list and its first lines say.
      [{ listed: good, sent: good }, 'does not run with Node'],
      [{ list: '{"version": "../../x"}', listed: good, sent: good }, 'its list has another shape'],
      [{ list: 'hello', listed: good, sent: good }, 'its list has another shape'],
    ];
    for (const [lie, sentence] of cases) {
      const refused = await update(bin, await lyingServer(lie));
      expect(refused, sentence).toMatchObject({ exitCode: 1, stdout: '', stderr: expect.stringContaining(sentence) });
      expect(await readdir(bin), sentence).toEqual(['tagwave']);
    }
    expect(await versionOf(join(bin, 'tagwave'))).toBe(CURRENT);
  });

  test('says so where the server gives no client, where there is no server, and where none is named', async () => {
    const bin = await installed();
    const { url } = await testServer({ now: '2026-11-20T11:20:00Z', clientDirectory: await disposableDirectory() });
    expect((await update(bin, url)).stderr).toContain('the server answers 404: this server has no client to give');
    expect((await update(bin, 'http://127.0.0.1:1')).stderr).toContain('no server answered');
    expect(await run(join(bin, 'tagwave'), ['update'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('no server is given'),
    });
  });
});

/** Lists one thing and sends another. */
async function lyingServer(lie: { list?: string; listed: Buffer; sent: Buffer; cutAt?: number }): Promise<string> {
  const sha256 = createHash('sha256').update(lie.listed).digest('hex');
  const list = lie.list ?? JSON.stringify({ version: '7.8.9', sha256, size: lie.listed.length, node: '>=18' });
  const http = createServer((request, response) => {
    if (request.url === '/client/release.json') return void response.end(list);
    if (lie.cutAt === undefined) return void response.end(lie.sent);
    response.writeHead(200, { 'Content-Length': lie.sent.length });
    response.write(lie.sent.subarray(0, lie.cutAt), () => response.destroy());
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    http.closeAllConnections();
    http.close();
  });
  return `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
}

describe('what to do about a build', () => {
  const offered = { version: '1.2.3', sha256: 'b', size: 1, node: '>=18' };

  test('goes by its content first, then by its version', () => {
    const plan = (version: string, sha256: string, force = false) =>
      planUpdate({ version, sha256 }, offered, { force });
    expect(plan('9.9.9', 'b')).toEqual({ kind: 'same' });
    expect(plan('1.2.2', 'a')).toEqual({ kind: 'replace', isRebuilt: false });
    expect(plan('1.2.3', 'a')).toEqual({ kind: 'replace', isRebuilt: true });
    expect(plan('1.2.4', 'a')).toEqual({ kind: 'older' });
    expect(plan('1.2.4', 'a', true)).toEqual({ kind: 'replace', isRebuilt: false });
  });

  test('orders versions as semver does', () => {
    const ordered = [
      '0.9.9',
      '0.10.0',
      '1.0.0-alpha',
      '1.0.0-alpha.1',
      '1.0.0-alpha.beta',
      '1.0.0-beta',
      '1.0.0-beta.2',
      '1.0.0-beta.11',
      '1.0.0-rc.1',
      '1.0.0',
      '1.0.1',
      '2.0.0',
      '10.0.0',
    ];
    for (const [first, a] of ordered.entries())
      for (const [second, b] of ordered.entries())
        expect(Math.sign(compareVersions(a, b)), `${a} ${b}`).toBe(Math.sign(first - second));
  });
});
