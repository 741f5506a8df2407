import { existsSync, readdirSync } from 'node:fs';
import { readFile, readlink, writeFile } from 'node:fs/promises';
import { createServer as createHttp } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Probe } from '../../protocol/hooks.ts';
import { type HookHost, hookHost, MODES, type Mode, nameOf, say } from './hook-host.ts';
import { NEXT_TAG, TAG } from './serve-view.ts';

const NEWEST_TAG = 'etchautotag-20261120-1000';

/** A host on a release with a hook that says when it is run, and one to come of which `hooks` fail. */
async function hostBefore(mode: Mode): Promise<HookHost> {
  const at = await hookHost(mode);
  await at.serve({ a: 'old', kept: 'x' }, { hooks: [{ when: ['a', 'fresh'], run: say(at.beside, 'old') }] }, TAG);
  expect((await at.poll()).code).toBe(0);
  return at;
}

describe.each(MODES)('a release that fails in use, with %s,', (mode) => {
  test('by a run hook: gives way to the one before, whose hooks run; told, reported, exit 1', async () => {
    const at = await hostBefore(mode);
    const view = await at.serve(
      { a: 'new', kept: 'x', fresh: 'y' },
      {
        hooks: [{ run: say(at.beside, 'new') }, { run: 'echo no such unit; exit 5' }, { run: say(at.beside, 'never') }],
      },
      NEXT_TAG,
    );
    const run = await at.poll();
    expect(run).toMatchObject({ code: 1, stdout: '' });
    expect(run.stderr).toBe(
      `web1: went back from ${NEXT_TAG} (sha256:${nameOf(view)}) to ${TAG} (${(await currentDigest(at)).slice(0, 23)}): ` +
        'run hook 2 (echo no such unit; exit 5) failed with exit 5\n    no such unit\n' +
        "  This content is not tried again until it changes; 'tagwave poll --retry' tries it all the same.\n",
    );
    expect(await at.tree()).toEqual({ a: 'old', kept: 'x' });
    expect(at.lines()).toEqual(['old', 'new', 'old']);
    expect(at.server.reports.at(-1)).toMatchObject({
      outcome: 'rolled-back',
      tag: NEXT_TAG,
      digest: view.digest,
      error: expect.stringMatching(/went back from .*\nno such unit$/s),
    });
  });

  test('is not tried again, whatever its tag, until the content changes; told daily', async () => {
    const at = await hostBefore(mode);
    const failing = { hooks: [{ run: `${say(at.beside, 'new')}; false` }] };
    await at.serve({ a: 'new' }, failing, NEXT_TAG);
    expect((await at.poll()).code).toBe(1);
    const [lines, reports] = [at.lines().length, at.server.reports.length];
    expect(await at.poll()).toMatchObject({ code: 1, stdout: '', stderr: '' });
    await at.serve({ a: 'new' }, failing, NEWEST_TAG);
    expect(await at.poll()).toMatchObject({ code: 1, stdout: '', stderr: '' });
    expect(at.lines()).toHaveLength(lines);
    expect(at.server.reports).toHaveLength(reports);
    await at.age(25);
    expect((await at.poll()).stderr).toContain(`${NEWEST_TAG} (sha256:`);
    expect(at.server.reports.at(-1)).toMatchObject({ outcome: 'refused', tag: NEWEST_TAG });
    expect((await at.command('status')).stdout).toContain('refused:');
    await at.serve({ a: 'newer' }, { hooks: [{ run: say(at.beside, 'newer') }] }, NEWEST_TAG);
    expect((await at.poll()).code).toBe(0);
    expect(at.lines().at(-1)).toBe('newer');
    expect(await at.tree()).toEqual({ a: 'newer' });
  });

  test('is tried again by --retry, and from then on no longer refused', async () => {
    const at = await hostBefore(mode);
    await at.serve({ a: 'new' }, { hooks: [{ run: `test -e ${at.beside}/good` }] }, NEXT_TAG);
    await at.poll();
    expect((await at.poll('--retry')).stderr).toContain('went back');
    await writeFile(join(at.beside, 'good'), '');
    expect((await at.poll()).code).toBe(1);
    expect(await at.poll('--retry')).toMatchObject({ code: 0, stdout: expect.stringContaining(`now on ${NEXT_TAG}`) });
    expect(await at.state()).toMatchObject({ refused: null });
    expect(await at.tree()).toEqual({ a: 'new' });
  });

  test('and was the first gives way to nothing', async () => {
    const at = await hookHost(mode);
    await at.serve({ a: 'new', 'deep/b': 'x' }, { hooks: [{ run: 'false' }] });
    expect(await at.poll()).toMatchObject({ code: 1, stderr: expect.stringContaining('to nothing, as before') });
    expect(mode === 'root' ? await at.tree() : existsSync(join(at.target, 'current'))).toEqual(
      mode === 'root' ? {} : false,
    );
    expect((await at.poll()).code).toBe(1);
    await at.serve({ a: 'good' });
    expect((await at.poll()).code).toBe(0);
    expect(await at.tree()).toEqual({ a: 'good' });
  });

  test('by a probe: the runs are not pending any more, and the way back tells everybody again', async () => {
    const at = await hostBefore(mode);
    const verify = [{ command: `${say(at.beside, 'asked')}; false`, retries: 2, interval_seconds: 0 }];
    await at.serve({ a: 'new' }, { hooks: [{ run: say(at.beside, 'new') }], verify });
    const run = await at.poll();
    expect(run.stderr).toContain('verify (echo "asked"');
    expect(run.stderr).toContain('failed with exit 1, asked 3 times');
    expect(at.lines()).toEqual(['old', 'new', 'asked', 'asked', 'asked', 'old']);
    expect(await at.tree()).toEqual({ a: 'old', kept: 'x' });
  });

  test('whose way back has a failing hook too: it is told with the rest, and the others run', async () => {
    const at = await hookHost(mode);
    const hooks = [
      { run: `test -e ${at.beside}/first || { touch ${at.beside}/first; exit 0; }; echo gone wrong; exit 3` },
      { run: say(at.beside, 'old') },
    ];
    await at.serve({ a: 'old' }, { hooks }, TAG);
    expect((await at.poll()).code).toBe(0);
    await at.serve({ a: 'new' }, { hooks: [{ run: 'false' }] }, NEXT_TAG);
    const run = await at.poll();
    expect(run.stderr).toContain('went back from');
    expect(run.stderr).toMatch(/on the way back, run hook 1 .* failed with exit 3:\n\s+gone wrong/);
    expect(at.lines()).toEqual(['old', 'old']);
    expect(at.server.reports.at(-1)?.error).toContain('on the way back, run hook 1');
    expect(await at.tree()).toEqual({ a: 'old' });
  });

  test('after which the release before that is still what `rollback` goes to', async () => {
    const at = await hookHost(mode);
    for (const a of ['1', '2']) {
      await at.serve({ a });
      await at.poll();
    }
    await at.serve({ a: '3' }, { hooks: [{ run: 'false' }] });
    await at.poll();
    expect((await at.command('rollback')).code).toBe(0);
    expect(await at.tree()).toEqual({ a: '1' });
  });
});

async function currentDigest(at: HookHost): Promise<string> {
  const { running } = (await at.state()) as { running: { digest: string } };
  return running.digest;
}

test('a release whose manifest is gone is no way back: the new one stays, and that is told', async () => {
  const at = await hostBefore('releases');
  const { running } = (await at.state()) as { running: { release: string } };
  await at.serve({ a: 'new' }, { hooks: [{ run: `rm ${at.target}/manifests/${running.release}; false` }] }, NEXT_TAG);
  const run = await at.poll();
  expect(run).toMatchObject({ code: 1, stderr: expect.stringContaining('and there is no way back: the manifest of') });
  expect(await at.tree()).toEqual({ a: 'new' });
});

describe('a probe', () => {
  const verified = async (probe: Probe) => {
    const at = await hookHost();
    await at.serve({ a: '1' }, { verify: [{ retries: 0, ...probe }] });
    return at.poll();
  };

  async function listening(status: () => number): Promise<string> {
    const http = createHttp((_request, response) => response.writeHead(status()).end('x'.repeat(100_000)));
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(
      () =>
        new Promise<void>((resolve) => {
          http.closeAllConnections();
          http.close(() => resolve());
        }),
    );
    return `127.0.0.1:${(http.address() as AddressInfo).port}`;
  }

  test('over HTTP wants a 2xx, or the status that it names', async () => {
    const address = await listening(() => 204);
    expect((await verified({ http: `http://${address}/` })).code).toBe(0);
    const refused = await verified({ http: `http://${address}/`, status: 200 });
    expect(refused.stderr).toContain(`verify (http://${address}/) answered 204 instead of 200`);
    const redirecting = await listening(() => 302);
    expect((await verified({ http: `http://${redirecting}/` })).stderr).toContain('answered 302 instead of 2xx');
    expect((await verified({ http: `http://${redirecting}/`, status: 302 })).code).toBe(0);
  });

  test('over TCP wants a connection', async () => {
    const tcp = createTcp((socket) => socket.end());
    await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
    const address = `127.0.0.1:${(tcp.address() as AddressInfo).port}`;
    expect((await verified({ tcp: address })).code).toBe(0);
    await new Promise<void>((resolve) => tcp.close(() => resolve()));
    expect((await verified({ tcp: address })).stderr).toContain(`verify (tcp ${address}) failed: ECONNREFUSED`);
    expect((await verified({ http: `http://${address}/` })).stderr).toContain('failed: connection refused');
  });

  test('that hangs fails at its time limit', async () => {
    const http = createHttp(() => undefined);
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      http.closeAllConnections();
      http.close();
    });
    const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}/`;
    expect((await verified({ http: url, timeout_seconds: 0.2 })).stderr).toContain('0.2 s');
    expect((await verified({ command: 'sleep 1000', timeout_seconds: 0.2 })).stderr).toContain(
      'was not done within 0.2 s',
    );
  });

  test('is asked again as often as it says, and may succeed at last', async () => {
    let asked = 0;
    const address = await listening(() => (++asked < 4 ? 503 : 200));
    const probe = { http: `http://${address}/`, retries: 3, interval_seconds: 0.01, grace_seconds: 0.01 };
    expect((await verified(probe)).code).toBe(0);
    expect(asked).toBe(4);
  });

  test('of a hook is asked only where the hook is for the change', async () => {
    const at = await hookHost();
    const hooks = [{ when: ['a'], verify: { command: say(at.beside, 'a') } }];
    await at.serve({ a: '1', b: '1' }, { hooks });
    await at.poll();
    await at.serve({ a: '1', b: '2' }, { hooks, verify: [{ command: say(at.beside, 'all') }] });
    await at.poll();
    expect(at.lines()).toEqual(['a', 'all']);
  });
});

describe('a hook that', () => {
  const failing = async (run: string | string[], timeout_seconds?: number) => {
    const at = await hookHost();
    const hook = { run, ...(timeout_seconds === undefined ? {} : { timeout_seconds }) };
    await at.serve({ a: '1' }, { hooks: [hook] });
    return { at, run: await at.poll() };
  };

  test('takes longer than its limit is ended with all of its process group', async () => {
    const { at, run } = await failing('echo begun; (sleep 1000; true) & sleep 1001', 1);
    expect(run.stderr).toContain('was not done within 1 s\n    begun\n');
    expect(await processesIn(join(at.target, 'releases'))).toEqual([]);
  });

  test('ignores SIGTERM is ended all the same', async () => {
    const { at, run } = await failing("trap '' TERM; while true; do sleep 0.1; done", 0.3);
    expect(run.stderr).toContain('was not done within 0.3 s');
    expect(await processesIn(join(at.target, 'releases'))).toEqual([]);
  });

  test('leaves something running that holds its output open is done when it has ended itself', async () => {
    const at = await hookHost();
    await at.serve({ a: '1' }, { hooks: [{ run: `setsid sleep 1000 & echo $! > ${at.beside}/pid` }] });
    expect((await at.poll()).code).toBe(0);
    const pid = Number(await readFile(join(at.beside, 'pid'), 'utf8'));
    expect(process.kill(pid, 'SIGKILL')).toBe(true);
  });

  test('prints without end is cut to the end of what it prints', async () => {
    const { at, run } = await failing('yes 0123456789 | head -c 20000000; echo; echo the end; exit 1');
    expect(run.stderr).toMatch(/\[\d{8} bytes before this are left out\]/);
    expect(run.stderr).toContain('the end\n');
    expect(run.stderr.length).toBeLessThan(10_000);
    expect(at.server.reports.at(-1)?.error?.length).toBeLessThan(8192);
  });

  test('prints terminal escapes does not reach the terminal with them', async () => {
    const { run } = await failing("printf '\\033[2J\\033]0;owned\\007red'; exit 1");
    expect(run.stderr).toContain('    red\n');
    expect(run.stderr).not.toContain('\u001b');
  });

  test('cannot be started says why', async () => {
    const { run } = await failing(['/no/such/program', 'x']);
    expect(run.stderr).toContain('run hook 1 (/no/such/program x) cannot be started: there is no such program');
  });

  test('is ended by a signal says so', async () => {
    const { run } = await failing('kill -SEGV $$');
    expect(run.stderr).toContain('was ended by SIGSEGV');
  });
});

/** Processes whose working directory is below one: hooks, whatever they are called. */
async function processesIn(directory: string): Promise<string[]> {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  const folders = await Promise.all(pids.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return pids.filter((_pid, index) => folders[index]?.startsWith(directory));
}
