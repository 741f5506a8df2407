import { readFileSync } from 'node:fs';
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { stateFiles } from '../../server/adapters/files/state-files.ts';
import { runExecutable } from '../../server/adapters/programs/executable.ts';
import { runModule } from '../../server/adapters/programs/module.ts';
import { openPrograms } from '../../server/adapters/programs/programs.ts';
import type { ModuleContext } from '../../server/core/module-context.ts';
import type { StateFiles } from '../../server/ports/files.ts';
import type { Settings } from '../../server/settings/settings.ts';
import { type MovableClock, movableClock } from '../rig/clock.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';

const host = (name: string) => `${name}.example.com` as Hostname;
const WEB = host('web1');
type Choice = Pick<Settings, 'nodetagger' | 'nodegrouper'>;

interface Given {
  readonly base: string;
  readonly clock: MovableClock;
  readonly state: StateFiles;
}

async function given(): Promise<Given> {
  const base = await disposableDirectory();
  return { base, clock: movableClock('2026-11-20T10:00:00Z'), state: stateFiles(join(base, 'var')) };
}

/** As after a start of the server: with what is remembered in the state directory. */
function programsOf({ base, clock, state }: Given, choice: Partial<Choice> = {}) {
  const settings: Choice = {
    nodetagger: { kind: 'auto', path: join(base, 'nodetagger') },
    nodegrouper: { kind: 'auto', path: join(base, 'nodegrouper') },
    ...choice,
  };
  const programs = openPrograms({ base, clock, state, settings: () => settings });
  const ask = (hostname: Hostname, options?: { afresh?: boolean }) =>
    programs.askNodetagger(hostname, () => contextOf(hostname), options);
  /** Time passes, so that a program that was looked at is looked at again. */
  const later = () => clock.advance(100);
  return { programs, ask, later };
}

const contextOf = (hostname: Hostname): ModuleContext => ({
  groups: [hostname],
  tags: [],
  marks: {},
  now: new Date(0),
  scheduled: () => undefined,
});

async function script(path: string, body: string): Promise<void> {
  await writeFile(`${path}.new`, `#!/bin/sh\n${body}\n`);
  await chmod(`${path}.new`, 0o755);
  await rename(`${path}.new`, path);
}

describe('an executable', () => {
  const run = async (body: string, hostname = WEB, seconds = 20) => {
    const base = await disposableDirectory();
    await script(join(base, 'nodetagger'), body);
    return { base, answer: await runExecutable(join(base, 'nodetagger'), hostname, { base, seconds }) };
  };

  test('is given the host name alone, in the base directory, with TZ=UTC and nothing to read', async () => {
    const { base, answer } = await run(`printf '%s|' "$#" "$1" "$PWD" "$TZ" "$(cat)"`);
    expect(answer).toEqual({ text: `1|${WEB}|${base}|UTC||` });
  });

  test('is called without a shell: what a shell would obey is text', async () => {
    const { answer } = await run(`printf '%s' "$1"`, '$(touch x);`id`&& *' as Hostname);
    expect(answer).toEqual({ text: '$(touch x);`id`&& *' });
  });

  test.each([
    ['echo a >&2; echo "no such host: b" >&2; exit 3', 'it exited with 3: no such host: b'],
    ['exit 1', 'it exited with 1'],
    ['kill -9 $$', 'it was ended by SIGKILL'],
    ['printf "\\033[2Jx\\ny\\tz  " >&2; exit 2', 'it exited with 2: y z'],
    ['exec yes', /^it printed more than 64 KiB/],
    ['exec yes >&2', /^it printed more than 64 KiB/],
  ])('that fails says how it ended, and its last word: %s', async (body, failed) => {
    const { answer } = await run(body);
    expect(answer).toEqual({ failed: typeof failed === 'string' ? failed : expect.stringMatching(failed) });
  });

  test('that cannot be started says why', async () => {
    const base = await disposableDirectory();
    await writeFile(join(base, 'nodetagger'), '#!/nonexistent/sh\n', { mode: 0o755 });
    const start = (path: string) => runExecutable(join(base, path), WEB, { base, seconds: 20 });
    expect(await start('nodetagger')).toEqual({ failed: 'it could not be started: no such file' });
    await writeFile(join(base, 'plain'), 'x', { mode: 0o644 });
    expect(await start('plain')).toEqual({ failed: 'it could not be started: permission denied' });
  });

  test('that takes too long is ended together with all that it started', async () => {
    const { base, answer } = await run('echo $$ >pid; sleep 1000 & echo $! >child; wait', WEB, 1.5);
    expect(answer).toEqual({ failed: 'it did not answer within 1.5 s' });
    for (const file of ['pid', 'child']) {
      const pid = Number(await readFile(join(base, file), 'utf8'));
      await until('the process to be gone', () => !isAlive(pid) || undefined);
    }
  });

  test('leaves nothing running behind its answer', async () => {
    const { base, answer } = await run('sleep 1000 >/dev/null 2>&1 & echo $! >child; echo tags/x');
    expect(answer).toEqual({ text: 'tags/x' });
    const pid = Number(await readFile(join(base, 'child'), 'utf8'));
    await until('the process to be gone', () => !isAlive(pid) || undefined);
  });
});

/** Not even as a zombie that nobody has collected yet. */
function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('a module', () => {
  const call = async (code: string, seconds = 20) => {
    const path = join(await disposableDirectory(), 'rule.mjs');
    await writeFile(path, code);
    return runModule({ path, stamp: '1', hostname: WEB, context: contextOf(WEB), seconds });
  };

  test('is called with the host name and what it can decide by, and may answer at once or later', async () => {
    expect(await call('export default (hostname, { groups }) => hostname + " " + groups[0];')).toEqual({
      text: `${WEB} ${WEB}`,
    });
    expect(await call('export default async () => "trunk";')).toEqual({ text: 'trunk' });
  });

  test.each([
    ['export default () => { throw new Error("no rule for it"); };', 'no rule for it'],
    ['export default () => Promise.reject("just so");', 'just so'],
    ['export default () => undefined;', 'it answered nothing instead of a tag'],
    ['export default () => 7;', 'it answered number instead of a tag'],
    ['export const rule = () => "trunk";', 'it has no default export that is a function'],
    ['export default {', /Unexpected|syntax|eof/i],
    ['import "./missing.mjs";', /missing\.mjs/],
  ])('that answers no text fails with a reason: %s', async (code, failed) => {
    expect(await call(code)).toEqual({ failed: typeof failed === 'string' ? failed : expect.stringMatching(failed) });
  });

  test('that never answers is given up on', async () => {
    expect(await call('export default () => new Promise(() => {});', 0.1)).toEqual({
      failed: 'it did not answer within 0.1 s',
    });
  });

  test('that was edited is loaded anew', async () => {
    const all = await given();
    const path = join(all.base, 'rule.mjs');
    const { ask, later } = programsOf(all, { nodetagger: { kind: 'program', path } });
    await writeFile(path, 'export default () => "one";');
    expect(await ask(WEB)).toEqual({ text: 'one' });
    await writeFile(path, 'export default () => "another";');
    later();
    expect(await ask(WEB)).toEqual({ text: 'another' });
  });
});

describe('answers', () => {
  const counting = 'echo x >>calls; wc -l <calls | tr -d " "';

  test('are kept for a minute, for each host, and dropped when they are to be forgotten or the file changes', async () => {
    const all = await given();
    const { programs, ask, later } = programsOf(all);
    await script(join(all.base, 'nodetagger'), counting);
    expect([await ask(WEB), await ask(WEB), await ask(host('web2'))]).toEqual([
      { text: '1' },
      { text: '1' },
      { text: '2' },
    ]);
    all.clock.advance(50_000);
    expect(await ask(WEB)).toEqual({ text: '1' });
    all.clock.advance(11_000);
    expect(await ask(WEB)).toEqual({ text: '3' });
    programs.forget();
    expect(await ask(WEB)).toEqual({ text: '4' });
    await script(join(all.base, 'nodetagger'), `${counting} # edited`);
    later();
    expect(await ask(WEB)).toEqual({ text: '5' });
  });

  test('about another world are neither taken from those that are kept, nor kept', async () => {
    const all = await given();
    const { ask } = programsOf(all);
    await script(join(all.base, 'nodetagger'), counting);
    expect(await ask(WEB)).toEqual({ text: '1' });
    expect(await ask(WEB, { afresh: true })).toEqual({ text: '2' });
    expect(await ask(WEB)).toEqual({ text: '1' });
  });

  test('for one host that many ask for at once are made once; of many hosts only a few are asked for at a time', async () => {
    const all = await given();
    const { ask } = programsOf(all);
    const most = 2 * availableParallelism();
    // Each notes how many are there when it begins, and stays until all who may come have come.
    await script(
      join(all.base, 'nodetagger'),
      'mkdir -p now; : >"now/$1"; ls now | wc -l >>seen; sleep 0.2; rm "now/$1"; echo trunk',
    );
    const hosts = Array.from({ length: 3 * most }, (_, index) => host(`web${index}`));
    const answers = await Promise.all([...hosts, ...hosts].map((each) => ask(each)));
    expect(answers).toEqual(answers.map(() => ({ text: 'trunk' })));
    const seen = (await readFile(join(all.base, 'seen'), 'utf8')).trim().split('\n').map(Number);
    expect(seen).toHaveLength(hosts.length);
    expect(Math.max(...seen)).toBeLessThanOrEqual(most);
  });

  test('of a nodegrouper are one group a line', async () => {
    const all = await given();
    const { programs } = programsOf(all);
    expect(await programs.askNodegrouper(WEB)).toEqual({ failed: 'there is none' });
    await script(join(all.base, 'nodegrouper'), 'printf "web\\n\\n  prod-east \\r\\n"');
    all.clock.advance(100);
    expect(await programs.askNodegrouper(WEB)).toEqual({ groups: ['web', 'prod-east'] });
    await script(join(all.base, 'nodegrouper'), 'echo no database >&2; exit 1');
    all.clock.advance(100);
    expect(await programs.askNodegrouper(WEB)).toEqual({ failed: 'it exited with 1: no database' });
  });
});

describe('which program decides', () => {
  test('is none where there is no file, and the file once there is one', async () => {
    const all = await given();
    const { programs, later } = programsOf(all);
    expect([programs.nodetagger(), programs.nodegrouper()]).toEqual([{ kind: 'none' }, { kind: 'none' }]);
    await script(join(all.base, 'nodetagger'), 'echo trunk');
    later();
    expect(programs.nodetagger()).toMatchObject({ kind: 'ready', path: join(all.base, 'nodetagger') });
  });

  test('is the schedule where the settings say so, whatever is there', async () => {
    const all = await given();
    await script(join(all.base, 'nodetagger'), 'echo trunk');
    await script(join(all.base, 'nodegrouper'), 'echo web');
    const { programs } = programsOf(all, { nodetagger: { kind: 'schedule' }, nodegrouper: { kind: 'none' } });
    expect([programs.nodetagger(), programs.nodegrouper()]).toEqual([{ kind: 'none' }, { kind: 'none' }]);
  });

  test('cannot be told where the program was in use and is gone, also after a restart', async () => {
    const all = await given();
    const path = join(all.base, 'nodetagger');
    await script(path, 'echo trunk');
    const { programs, later } = programsOf(all);
    expect(programs.nodetagger().kind).toBe('ready');
    await rm(path);
    later();
    const why = `${path} is gone; put it back, or write "nodetagger: schedule" in server.yml to do without it`;
    expect(programs.nodetagger()).toEqual({ kind: 'unusable', why });
    const { programs: again, ask } = programsOf(all);
    expect(again.nodetagger()).toEqual({ kind: 'unusable', why });
    expect(await ask(WEB)).toEqual({ failed: why });
    expect(again.nodegrouper()).toEqual({ kind: 'none' });
  });

  test.each<[string, (path: string) => Promise<unknown>, string]>([
    [
      'is not executable',
      (path) => writeFile(path, '#!/bin/sh\n', { mode: 0o644 }),
      'is not executable; run chmod +x on it',
    ],
    ['is a directory', (path) => mkdir(path), 'is no file; put a program there'],
    [
      'is a link to nothing',
      (path) => symlink('nowhere', path),
      'cannot be looked at (a link to nothing); put it right',
    ],
    ['is a link to itself', (path) => symlink('nodetagger', path), 'cannot be looked at (too many symbolic links)'],
  ])('cannot be told where it %s', async (_what, make, why) => {
    const all = await given();
    await make(join(all.base, 'nodetagger'));
    expect(programsOf(all).programs.nodetagger()).toEqual({
      kind: 'unusable',
      why: expect.stringContaining(`${all.base}/nodetagger ${why}`),
    });
  });

  test('cannot be told where the settings name a program that is not there', async () => {
    const all = await given();
    const path = join(all.base, 'rules/tagger');
    expect(programsOf(all, { nodetagger: { kind: 'program', path } }).programs.nodetagger()).toMatchObject({
      kind: 'unusable',
      why: expect.stringContaining(`${path} is gone`),
    });
  });

  test('is remembered although the state directory cannot be written, for as long as the server runs', async () => {
    const all = await given();
    await writeFile(join(all.base, 'var'), '');
    const { programs, later } = programsOf({ ...all, state: { ...all.state, read: () => undefined } });
    await script(join(all.base, 'nodetagger'), 'echo trunk');
    expect(programs.nodetagger().kind).toBe('ready');
    await rm(join(all.base, 'nodetagger'));
    later();
    expect(programs.nodetagger().kind).toBe('unusable');
  });
});
