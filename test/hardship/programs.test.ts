import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask, askAll, change, problem, problems } from '../stories/ask.ts';
import { BASE, HOSTS, type Train, tagAt } from '../stories/train.ts';
import { stillTrain } from './passing.ts';

/** What every wave has at 10:30 by the schedule. */
const AT_TEN = { dev: '10', qa: '09', stg: '08', east: '07', prod: '06' };

const SH = '#!/bin/sh\n';

async function put(server: Train, name: string, script: string, mode = 0o755): Promise<void> {
  await writeSettled(join(server.base, name), script);
  await chmod(join(server.base, name), mode);
}

const noProblems = (server: Train) =>
  until('an end of all problems', async () => ((await problems(server)).length === 0 ? true : undefined));

const FAILURES: readonly [string, string, RegExp][] = [
  [HOSTS.qa, 'echo first >&2; echo "no such host in etch.db" >&2; exit 3', /exited with 3: no such host in etch.db$/],
  ['silent.example.org', 'exit 0', /answered nothing$/],
  ['garbled.example.org', 'echo production', /answered "production", which is no tag$/],
  ['unknown.example.org', 'echo tags/etchautotag-19990101-0000', /there is no tag etchautotag-19990101-0000/],
  ['hanging.example.org', 'sleep 60', /did not answer within 5 s$/],
];

describe('a nodetagger that', () => {
  test('exits with an error, answers nothing, no tag or one that does not exist, or never ends, makes those hosts hold and no other, and is a problem until it answers', async () => {
    const server = await stillTrain();
    const cases = FAILURES.map(([host, script]) => `${host}) ${script} ;;`).join('\n');
    await put(server, 'nodetagger', `${SH}case $1 in\n${cases}\n*) echo tags/${tagAt(5)} ;;\nesac\n`);
    const answers = FAILURES.map(async ([host, , reason]) => {
      const { gets, status, message, reasons } = await ask(server, host);
      expect([host, status, gets]).toEqual([host, 409, 'hold nodetagger-failed']);
      expect(reasons.at(-1)).toMatch(reason);
      expect(message).toContain('nodetagger: schedule');
    });
    // Also while one hangs.
    expect((await ask(server, HOSTS.dev)).gets).toBe('05');
    await Promise.all(answers);
    await until('all five to be told of', async () =>
      (await problem(server, 'nodetagger:failed')).startsWith('5 hosts'),
    );
    expect(await problem(server, 'nodetagger:failed')).toContain('the nodetagger failed');
    await put(server, 'nodetagger', `${SH}echo tags/${tagAt(6)}\n`);
    for (const [host] of FAILURES) expect((await ask(server, host)).gets).toBe('06');
    await noProblems(server);
  });

  test('is no longer executable, or gone, makes every host hold, also after a restart, until it is put back or given up', async () => {
    const first = await stillTrain();
    await put(first, 'nodetagger', `${SH}echo tags/${tagAt(4)}\n`);
    expect(new Set(Object.values(await askAll(first)))).toEqual(new Set(['04']));
    await chmod(join(first.base, 'nodetagger'), 0o644);
    expect(new Set(Object.values(await askAll(first)))).toEqual(new Set(['hold nodetagger-failed']));
    expect(await problem(first, 'nodetagger:unusable')).toContain('chmod +x');
    await rm(join(first.base, 'nodetagger'));
    await until('it to be gone', async () => (await problem(first, 'nodetagger:unusable')).includes('is gone'));

    const server = await first.restart();
    expect(new Set(Object.values(await askAll(server)))).toEqual(new Set(['hold nodetagger-failed']));
    expect(await problem(server, 'nodetagger:unusable')).toContain('nodetagger: schedule');
    await put(server, 'nodetagger', `${SH}echo tags/${tagAt(4)}\n`);
    expect((await ask(server, HOSTS.dev)).gets).toBe('04');
    await rm(join(server.base, 'nodetagger'));
    await writeSettled(join(server.base, 'server.yml'), 'nodetagger: schedule\n');
    server.settle();
    expect(await askAll(server)).toEqual(AT_TEN);
    await noProblems(server);
  });

  test('answers a tag that is marked bad, in the file or by somebody, makes the host hold at the next question', async () => {
    const server = await stillTrain({ files: { ...BASE, tagstate: `${tagAt(6)} bad broke ntp\n` } });
    await put(server, 'nodetagger', `${SH}case $1 in dev*) echo tags/${tagAt(6)} ;; *) echo ${tagAt(5)} ;; esac\n`);
    const held = await ask(server, HOSTS.dev);
    expect([held.gets, held.reasons.join()]).toEqual(['hold marked-bad', expect.stringContaining('broke ntp')]);
    expect((await ask(server, HOSTS.qa)).gets).toBe('05');
    expect(await change(server, `/v1/tags/${tagAt(5)}/mark`, { method: 'PUT', body: { state: 'bad' } })).toBe(200);
    await expect.poll(async () => (await ask(server, HOSTS.qa)).gets, { timeout: 10_000 }).toBe('hold marked-bad');
  });
});

describe('a nodegrouper that', () => {
  test('fails, or is gone, makes hosts hold, since their wave is not known, until it answers or is given up', async () => {
    const server = await stillTrain({ files: { 'schedule.yml': BASE['schedule.yml'] } });
    await put(
      server,
      'nodegrouper',
      `${SH}case $1 in dev*) echo dev ;; qa*) echo qa ;; web*) echo "no database" >&2; exit 1 ;; esac\n`,
    );
    expect(await askAll(server)).toEqual({
      dev: '10',
      qa: '09',
      stg: '06',
      east: '06',
      prod: 'hold nodegrouper-failed',
    });
    expect(await problem(server, 'nodegrouper:failed')).toContain('it exited with 1: no database');
    await rm(join(server.base, 'nodegrouper'));
    expect(new Set(Object.values(await askAll(server)))).toEqual(new Set(['hold nodegrouper-failed']));
    expect(await problem(server, 'nodegrouper:unusable')).toContain('is gone');
    await writeSettled(join(server.base, 'server.yml'), 'nodegrouper: none\n');
    server.settle();
    expect(await askAll(server)).toEqual({ dev: '06', qa: '06', stg: '06', east: '06', prod: '06' });
    await noProblems(server);
  });
});
