import { chmod, cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import { floorHour, startOf, type TagName, tagNameOf } from '../../protocol/names.ts';
import { objectIn } from '../cli/base.ts';
import { movableClock } from '../rig/clock.ts';
import { writeFiles } from '../rig/git.ts';
import { NOBODY } from '../rig/nobody.ts';
import { testServer } from '../rig/server.ts';
import { kill9, runCommand, startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { type EtchServer, elsewhen, etchServer, HOSTS, hasRuby } from './rig/etch-server.ts';

const HOUR_MS = 3_600_000;

interface Outcome {
  readonly code: number | null;
  readonly value: Record<string, unknown>;
}

async function importEtch({ directory, base }: EtchServer, ...args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await runCommand(['import-etch', directory, '--base', base, '--json', ...args], {
    env: elsewhenNow(),
  });
  if (stdout === '') throw new Error(stderr);
  return { code, value: objectIn(stdout) };
}

/** Where the stand-in for nVentory is found. */
function elsewhenNow(): Record<string, string> {
  const { RUBYLIB = '' } = elsewhen(0);
  return { RUBYLIB };
}

async function git(base: string, ...args: string[]): Promise<string> {
  return (await execa('git', ['--git-dir', join(base, 'var/repository.git'), ...args])).stdout;
}

/** The tags of a base with their commits. */
async function tagsIn(base: string): Promise<Record<string, string>> {
  const { stdout } = await runCommand(['tags', '--base', base, '--json']);
  const { tags } = objectIn(stdout) as unknown as { tags: { name: string; commit: string }[] };
  return Object.fromEntries(tags.map(({ name, commit }) => [name, commit]));
}

/** What Tagwave tells each host over so many hours, and what etch's nodetagger does: `null` where a host keeps what it has. */
async function compared(
  server: EtchServer,
  { oldest, hours }: { oldest: number; hours: number },
): Promise<[string, unknown, unknown][]> {
  const clock = movableClock(new Date(oldest).toISOString());
  const { url, app } = await testServer({ base: server.base, now: new Date(oldest).toISOString(), clock });
  const answers: [string, unknown, unknown][] = [];
  for (let hour = 0; hour < hours; hour++) {
    const at = clock.now();
    for (const [name, value] of Object.entries(elsewhen(at))) process.env[name] = value;
    app.context.programs.forget();
    const asked = [...Object.keys(HOSTS), 'stranger.example.com'].map(
      async (host): Promise<[string, unknown, unknown]> => {
        const [answer, theirs] = await Promise.all([
          fetch(`${url}/v1/nodes/${host}`, { headers: { accept: 'text/plain' } }),
          server.nodetagger(host, at),
        ]);
        const text = (await answer.text()).trim();
        if (answer.status !== 200 && answer.status !== 409) throw new Error(`${answer.status} ${text}`);
        return [`${host} at ${new Date(at).toISOString()}`, answer.status === 200 ? text : null, theirs];
      },
    );
    answers.push(...(await Promise.all(asked)));
    clock.advance(HOUR_MS);
    app.context.time.check();
  }
  return answers;
}

/** Nothing of it reaches the next test. */
function restoreEnvironment(): void {
  const before = { ...process.env };
  onTestFinished(() => {
    for (const name of Object.keys(elsewhen(0))) {
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    }
  });
}

/** The same rule as a script that runs wherever Debian does. */
async function useTwin({ directory }: EtchServer): Promise<void> {
  const nodetagger = join(directory, 'nodetagger');
  await cp(join(import.meta.dirname, 'rig/nodetagger.pl'), nodetagger);
  await chmod(nodetagger, 0o755);
}

const MARKS = {
  12: 'bad',
  11: 'bad broke ntp',
  10: 'good',
  7: 'badfwd added a file',
  6: 'badfwd',
  3: 'bad',
  0: 'badfwd',
};

test('every host gets the same tag as by the nodetagger whose hours were read, hour by hour', async () => {
  restoreEnvironment();
  const server = await etchServer({ hours: 16, marks: MARKS });
  const { code, value } = await importEtch(server);
  expect({ code, files: value['files'] }).toMatchObject({
    code: 0,
    files: expect.arrayContaining([expect.objectContaining({ name: 'schedule.yml', outcome: 'new' })]),
  });
  const isRuby = await hasRuby();
  expect(value['compared']).toMatchObject(isRuby ? { kind: 'same' } : { kind: 'impossible' });
  expect(value['findings']).toEqual([]);
  await expect(readFile(join(server.base, 'nodetagger'))).rejects.toThrow('ENOENT');
  if (!isRuby) await useTwin(server);
  const newest = floorHour(Date.now());
  const answers = await compared(server, { oldest: startOf(newest - 8) + 60_000, hours: 9 });
  expect(answers.map(([who, ours]) => [who, ours])).toEqual(answers.map(([who, , theirs]) => [who, theirs]));
  // Steps back, steps forward and hosts that keep what they have are all among them.
  expect(new Set(answers.map(([, ours]) => ours)).size).toBeGreaterThan(6);
  expect(answers.some(([, ours]) => ours === null)).toBe(true);
});

test('a nodetagger that cannot be read is carried over as it is and goes on deciding', async () => {
  restoreEnvironment();
  const server = await etchServer({ hours: 9, nodetagger: 'perl', marks: { 3: 'badfwd', 2: 'bad' } });
  const { code, value } = await importEtch(server);
  expect({ code, findings: value['findings'] }).toEqual({ code: 0, findings: [] });
  expect(value['notes']).toContainEqual(
    expect.stringMatching(/nodetagger is carried over unchanged .* not the Ruby script/),
  );
  expect(await readFile(join(server.base, 'nodetagger'))).toEqual(await readFile(join(server.directory, 'nodetagger')));
  const answers = await compared(server, { oldest: startOf(floorHour(Date.now()) - 4) + 60_000, hours: 5 });
  expect(answers.map(([who, ours]) => [who, ours])).toEqual(answers.map(([who, , theirs]) => [who, theirs]));
  expect(new Set(answers.map(([, ours]) => ours)).size).toBeGreaterThan(4);
});

test('tags hold exactly what etch had, and equal ones share a commit', async () => {
  const name = tagNameOf(floorHour(Date.now()));
  const server = await etchServer({ hours: 4 });
  const tag = join(server.directory, 'tags', name);
  await writeFiles(tag, {
    'source/bin/run': '#!/bin/sh\n',
    'source/with space\nand line': 'x',
    'source/ümlaut': 'y',
    'source/.gitattributes': '* text eol=crlf\n',
    'source/crlf': 'a\r\n',
    'CVS/Root': 'no',
    'source/.gitignore': '*\n',
  });
  await chmod(join(tag, 'source/bin/run'), 0o755);
  await symlink('/etc/passwd', join(tag, 'source/absolute'));
  await mkdir(join(tag, 'source/empty'));
  const { code, value } = await importEtch(server);
  expect(code).toBe(0);
  expect(value['notes']).toContainEqual(expect.stringContaining(`${name}/source/empty (empty directories`));
  const listed = await git(server.base, 'ls-tree', '-r', '-z', `refs/tagwave/tags/${name}^{tree}`);
  const entries = listed.split('\0').filter(Boolean);
  expect(entries.map((line) => line.replace(/ blob [0-9a-f]+\t/, ' '))).toEqual([
    '100644 config.dtd',
    '100644 source/.gitattributes',
    '100644 source/.gitignore',
    '120000 source/absolute',
    '100755 source/bin/run',
    '100644 source/crlf',
    '100644 source/etc/motd/config.yml',
    '100644 source/etc/motd/motd',
    '100644 source/etc/ntp.conf/config.xml',
    '120000 source/etc/ntp.conf/current',
    '100644 source/etc/ntp.conf/ntp.conf',
    '100644 source/with space\nand line',
    '100644 source/ümlaut',
  ]);
  expect(await git(server.base, 'cat-file', '-s', `refs/tagwave/tags/${name}:source/crlf`)).toBe('3');
  const commits = Object.values(await tagsIn(server.base));
  expect(commits).toHaveLength(4);
  // A change every third hour, and the one by hand.
  expect(new Set(commits).size).toBeLessThan(4);
  const dates = await git(server.base, 'log', '--format=%ct', `refs/tagwave/tags/${name}`);
  expect(Number(dates.split('\n')[0]) * 1000).toBe(
    startOf(
      floorHour(
        Date.parse(`${name.slice(12, 16)}-${name.slice(16, 18)}-${name.slice(18, 20)}T${name.slice(21, 23)}:00Z`),
      ),
    ),
  );
});

test('a run without effect writes nothing; another base is never overwritten; the same once more changes nothing', async () => {
  const server = await etchServer({ hours: 3, files: { tagstate: '# ümlaut, kept as it is\r\n' } });
  const dry = await importEtch(server, '--dry-run');
  expect(dry).toMatchObject({ code: 0, value: { dryRun: true } });
  expect((await runCommand(['check', '--base', server.base])).stderr).toContain('there is no base directory');
  await writeFiles(server.base, { 'nodes.yml': '{}\n' });
  const refused = await importEtch(server);
  expect(refused).toMatchObject({
    code: 1,
    value: { errors: ['there is another nodes.yml in the base'], hint: expect.stringContaining('nothing was changed') },
  });
  expect((await execa('ls', ['-A', server.base])).stdout).toBe('nodes.yml');
  await execa('rm', ['-r', server.base]);
  await writeFiles(server.base, { 'server.yml': 'poll: {after_seconds: 60}\n' });
  const first = await importEtch(server);
  expect(first.value['notes']).toBeDefined();
  expect(first.value['files']).toContainEqual(expect.objectContaining({ name: 'server.yml', outcome: 'kept' }));
  expect(await readFile(join(server.base, 'tagstate'))).toEqual(await readFile(join(server.directory, 'tagstate')));
  const tags = await tagsIn(server.base);
  const again = await importEtch(server);
  expect(again).toMatchObject({ code: 0, value: { tags: server.tags.map((name) => ({ name, outcome: 'exists' })) } });
  expect(await tagsIn(server.base)).toEqual(tags);
});

test('one that is killed leaves everybody stopped, and the next run finishes it', async () => {
  const server = await etchServer({ hours: 6 });
  const whole = { ...server, base: `${server.base}-whole` };
  await importEtch(whole);
  const running = await startCommand(['import-etch', server.directory, '--base', server.base], { env: elsewhenNow() });
  await until('the first tag', async () => {
    const refs = await execa(
      'git',
      ['--git-dir', join(server.base, 'var/repository.git'), 'for-each-ref', 'refs/tagwave/tags'],
      { reject: false },
    );
    return refs.exitCode === 0 && refs.stdout !== '';
  });
  await kill9(running);
  expect(await readFile(join(server.base, 'killswitch'), 'utf8')).toContain('import-etch is not finished');
  expect(await importEtch(server)).toMatchObject({ code: 0, value: { killswitch: null } });
  await expect(readFile(join(server.base, 'killswitch'))).rejects.toThrow('ENOENT');
  expect(await tagsIn(server.base)).toEqual(await tagsIn(whole.base));
});

test('what cannot be carried over is told with the reason, thing by thing', async () => {
  const hour = floorHour(Date.now());
  const [ahead, old] = [tagNameOf(hour + 3), tagNameOf(hour - 24 * 60)];
  const server = await etchServer({
    hours: 4,
    nodetagger: 'none',
    files: {
      killswitch: 'looking into ntp\n',
      tagstate: `${tagNameOf(hour - 1)} baad typo\ntags/${tagNameOf(hour - 2)} bad\n`,
      'etchserver.conf': 'auth_enabled = true\n',
      'orig/etc/motd.ORIG/0123': 'x',
      'notes.txt': 'x',
      nodetagger: '#!/bin/sh\n# See the wiki.\n',
      'tags/release-1/x': '1',
      'tags/file': 'no directory',
      [`tags/${ahead}/x`]: '1',
      [`tags/${old}/x`]: '1',
      [`tags/${tagNameOf(hour - 40)}/.svn/entries`]: 'nothing else',
    },
  });
  // What is too old is kept as long as there are so few.
  await writeFiles(server.base, { 'server.yml': 'snapshot: {keep_at_least: 3}\n' });
  const { code, value } = await importEtch(server);
  expect(code).toBe(0);
  const left = Object.fromEntries(
    (value['left'] as { what: string; why: string }[]).map(({ what, why }) => [
      what.slice(server.directory.length + 1),
      why,
    ]),
  );
  expect(left).toEqual({
    'tags/release-1': expect.stringContaining('no name of a tag'),
    'tags/file': expect.stringContaining('no name of a tag'),
    [`tags/${ahead}`]: expect.stringContaining('yet to come'),
    [`tags/${old}`]: expect.stringContaining('older than 30 days'),
    [`tags/${tagNameOf(hour - 40)}`]: 'there are no files in it',
    'etchserver.conf': expect.stringContaining('own settings'),
    orig: expect.stringContaining('originals'),
    'notes.txt': expect.stringContaining('has use for it'),
  });
  expect(value['notes']).toEqual([
    expect.stringContaining('prints nothing'),
    expect.stringMatching(/tagstate line 1: .*"baad".* counts as bad/),
    expect.stringMatching(/tagstate line 2: etch knew no tag "tags/),
    expect.stringContaining('own sources'),
  ]);
  expect(value['findings']).toEqual([
    expect.objectContaining({ sentence: expect.stringContaining('"baad" is no state') }),
  ]);
  expect(await readFile(join(server.base, 'killswitch'), 'utf8')).toBe('looking into ntp\n');
  expect(Object.keys(await tagsIn(server.base)).sort()).toEqual([...server.tags]);
});

test('a file that may not be read leaves its whole tag behind, rather than half of it', async (context) => {
  if (process.getuid?.() !== 0) context.skip('takes root, who makes a file that somebody else may not read');
  const server = await etchServer({ hours: 3, nodetagger: 'perl' });
  const hidden = join(server.directory, 'tags', server.tags[1] ?? '', 'config.dtd');
  const root = join(server.directory, '..');
  await execa('chown', ['-R', `${NOBODY}:${NOBODY}`, root]);
  await execa('chown', ['root:root', hidden]);
  await chmod(hidden, 0o600);
  const { stdout, stderr } = await runCommand(['import-etch', server.directory, '--base', server.base, '--json'], {
    uid: NOBODY,
  });
  expect(stderr).toBe('');
  expect(objectIn(stdout)).toMatchObject({
    ok: true,
    left: [
      {
        what: join(server.directory, 'tags', server.tags[1] ?? ''),
        why: expect.stringContaining('config.dtd cannot be read: permission denied'),
      },
    ],
  });
  expect(
    objectIn((await runCommand(['tags', '--base', server.base, '--json'], { uid: NOBODY })).stdout)['tags'],
  ).toHaveLength(2);
});

test('what is no etch server, and what Tagwave cannot read, is refused with what to do', async () => {
  const server = await etchServer({
    hours: 1,
    files: { 'nodes.yml': 'web1:\n- web\nweb_1:\n- web\nWEB1: []\n', 'nodegroups.yml': 'a: [b]\nb: [a]\n' },
  });
  const refused = await importEtch(server);
  expect(refused.code).toBe(1);
  expect(refused.value['errors']).toEqual([
    expect.stringMatching(/nodes\.yml line 3: .*"web_1"/),
    expect.stringMatching(/nodes\.yml line 5: .*"WEB1", which is "web1" again/),
    expect.stringMatching(/nodegroups\.yml line 1: .*a → b → a/),
  ]);
  const elsewhere = { ...server, directory: join(server.directory, 'trunk/source/etc') };
  expect(await importEtch(elsewhere)).toMatchObject({
    code: 1,
    value: { errors: [expect.stringContaining('has neither tags, trunk')] },
  });
  const missing = { ...server, directory: join(server.directory, 'no/such') };
  expect(await importEtch(missing)).toMatchObject({
    code: 1,
    value: { errors: [expect.stringContaining('no such file')] },
  });
  expect(await importEtch({ ...server, base: server.directory })).toMatchObject({ code: 2 });
});

test('the next hour is made from what etch made its tags from', async () => {
  const hour = floorHour(Date.now());
  const server = await etchServer({ hours: 3, newest: hour - 1 });
  expect(await importEtch(server)).toMatchObject({ code: 0 });
  await writeFile(join(server.directory, 'trunk/source/new'), 'new\n');
  const { app, passTo } = await testServer({ base: server.base, now: new Date(startOf(hour) - 60_000).toISOString() });
  await passTo(new Date(startOf(hour) + 1000).toISOString());
  const made = app.context.shelf.current().byName.get(tagNameOf(hour) as TagName);
  expect(made).toMatchObject({ origin: 'cron', commits: 1, subject: 'Change source/new', stale: false, broken: null });
});

test('root works as the owner of the state directory, and the base stays its own', async (context) => {
  if (process.getuid?.() !== 0) context.skip('takes root');
  const server = await etchServer({ hours: 2, files: { killswitch: 'not yet\n' } });
  const state = join(server.directory, '../state');
  await execa('install', ['-d', '-o', String(NOBODY), '-g', String(NOBODY), state]);
  await execa('chmod', ['a+rx', join(server.directory, '..')]);
  await writeFiles(server.base, { 'server.yml': `state_dir: ${JSON.stringify(state)}\n` });
  expect(await importEtch(server)).toMatchObject({ code: 0, value: { killswitch: 'not yet', findings: [] } });
  const strangers = await execa('find', [state, '!', '-uid', String(NOBODY)]);
  expect(strangers.stdout).toBe('');
  const owned = await execa('find', [server.base, '!', '-uid', '0']);
  expect(owned.stdout).toBe('');
  expect(await readFile(join(server.base, 'killswitch'), 'utf8')).toBe('not yet\n');
});
