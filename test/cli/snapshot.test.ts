import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { floorHour, tagNameOf } from '../../protocol/names.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { gitEnvironment, sourceRepository, writeFiles } from '../rig/git.ts';
import { runCommand } from '../rig/server-process.ts';
import { NEWEST, OLDEST, objectIn, TAGS, testBase, useBases } from './base.ts';

useBases();

/** `--hour` for so many hours ago. */
const hoursAgo = (hours: number): string => digitsOf(tagNameOf(floorHour(Date.now()) - hours));
const digitsOf = (tag: string): string => tag.replaceAll(/\D/g, '').slice(0, 10);

const git = async (directory: string, ...args: string[]) =>
  (await execa('git', args, { cwd: directory, env: gitEnvironment() })).stdout;

describe('snapshot', () => {
  test('fetches, and makes the tag of an hour from the tip as it was then, or from the commit that is named', async () => {
    const { run, json, source } = await testBase();
    await writeFiles(source, { 'etc/motd': 'the newest\n' });
    await git(source, 'commit', '--quiet', '--all', '--message=The newest');
    const [head, first] = [
      await git(source, 'rev-parse', 'HEAD'),
      await git(source, 'rev-list', '--max-parents=0', 'HEAD'),
    ];

    const made = await json(['snapshot', '--hour', hoursAgo(3), '--commit', head.slice(0, 12)]);
    expect(made).toMatchObject({
      code: 0,
      value: { outcome: 'created', record: { commit: head, origin: 'manual', subject: 'The newest', broken: null } },
    });
    const older = await run(['snapshot', '--hour', hoursAgo(4), '--commit', first]);
    expect(older).toMatchObject({ code: 0, stderr: '' });
    expect(older.stdout).toBe(
      `etchautotag-${hoursAgo(4).slice(0, 8)}-${hoursAgo(4).slice(8)}00 is made: ${first.slice(0, 12)} "Change number 0"\n`,
    );
    // The template was fetched an hour ago, before the newest commit was made.
    expect(await json(['snapshot'])).toMatchObject({ value: { outcome: 'created', record: { origin: 'manual' } } });
  });

  test('never replaces a tag: the same commit or none exits 0 and says so, another exits 1', async () => {
    const { run, json, source } = await testBase();
    const [last, first] = [
      await git(source, 'rev-parse', 'HEAD'),
      await git(source, 'rev-list', '--max-parents=0', 'HEAD'),
    ];
    const hour = digitsOf(NEWEST);
    const exists = `${NEWEST} exists already: ${last.slice(0, 12)} "Change number 4"\n`;
    expect(await run(['snapshot', '--hour', hour])).toMatchObject({ code: 0, stdout: exists });
    expect(await run(['snapshot', '--hour', hour, '--commit', last])).toMatchObject({ code: 0, stdout: exists });
    expect(await run(['snapshot', '--hour', NEWEST, '--commit', last.slice(0, 10)])).toMatchObject({ code: 0 });
    const { code, stdout, stderr } = await run(['snapshot', '--hour', hour, '--commit', first]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      `${NEWEST} exists and is ${last.slice(0, 12)}, not ${first.slice(0, 12)}; a tag is never replaced\n` +
        "→ mark it bad, and make the next hour's tag from the commit you want\n",
    );
    const { value } = await json(['tags']);
    expect(value['tags']).toHaveLength(TAGS.length);
  });

  test('of an hour ahead of now is refused, and so is a commit that is not there', async () => {
    const { run, json } = await testBase();
    // Two hours, because the next one may have come by the time that the command looks.
    const ahead = hoursAgo(-2);
    expect(await run(['snapshot', '--hour', ahead])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('lies ahead of now\n→ name the current hour or an earlier one'),
    });
    expect(await json(['snapshot', '--commit', 'feedbeef'])).toMatchObject({
      code: 1,
      value: { ok: false, errors: ['there is no commit feedbeef in the repository'] },
    });
  });

  test('makes a stale tag where the source cannot be read, and none where nothing was ever fetched', async () => {
    const { json, source } = await testBase();
    await rename(source, `${source}-away`);
    const { code, value } = await json(['snapshot']);
    expect([code, value['record']]).toEqual([0, expect.objectContaining({ stale: true, subject: 'Change number 4' })]);

    const base = await disposableDirectory();
    await writeFile(join(base, 'server.yml'), 'repo: {url: /nonexistent/config}\n');
    const nothing = await runCommand(['snapshot', '--base', base]);
    expect(nothing).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('/nonexistent/config') });
  });

  test('says that a tag is broken', async () => {
    const { run, source } = await testBase();
    await writeFiles(source, { 'deploy.yml': 'layers: []\n' });
    await git(source, 'add', '--all');
    await git(source, 'commit', '--quiet', '--message=Layers');
    const head = await git(source, 'rev-parse', 'HEAD');
    const { code, stdout } = await run(['snapshot', '--hour', hoursAgo(3), '--commit', head]);
    expect([code, stdout]).toEqual([
      0,
      expect.stringMatching(/is made: .*; it is broken and never served: .*deploy\.yml/),
    ]);
  });
});

/** A base of which nothing is known yet, on a repository with a commit for each of the last hours, ten minutes before it. */
async function freshBase(hours: number) {
  const { directory, commit } = await sourceRepository();
  for (let ago = hours; ago >= 0; ago--) {
    const at = new Date((floorHour(Date.now()) - ago) * 3_600_000 - 600_000).toISOString();
    await commit({ 'etc/motd': `${ago} hours ago\n` }, { at, message: `${ago} hours ago` });
  }
  const base = await disposableDirectory();
  return { base, source: directory };
}

describe('snapshot --backfill', () => {
  test('makes the tags of past hours from history, once, and only before the first regular tag', async () => {
    const { base, source } = await freshBase(3);
    await writeFile(join(base, 'server.yml'), `repo: {url: ${source}}\n`);
    const run = (...args: string[]) => runCommand(['snapshot', ...args, '--base', base]);
    const first = await run('--backfill', '3', '--json');
    expect(first.code).toBe(0);
    const made = objectIn(first.stdout)['tags'] as { outcome: string; record: { origin: string; subject: string } }[];
    expect(made.map(({ outcome, record }) => [outcome, record.origin, record.subject])).toEqual(
      [3, 2, 1, 0].map((ago) => ['created', 'backfill', `${ago} hours ago`]),
    );
    const again = await run('--backfill', '2');
    expect(again).toMatchObject({ code: 0, stdout: '0 tags made from history.\n' });
    expect(await run('--backfill', '4')).toMatchObject({ code: 0, stdout: '0 tags made from history.\n' });

    await run('--hour', hoursAgo(30), '--commit', await git(source, 'rev-parse', 'HEAD'));
    const { code, stderr } = await run('--backfill', '3');
    expect([code, stderr]).toEqual([1, expect.stringContaining('only before the first regular tag')]);
  });

  test('is refused on a base whose tags were made by the server', async () => {
    const { run } = await testBase();
    expect(await run(['snapshot', '--backfill', '3'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(`${OLDEST} exists already`),
    });
  });
});

describe('init', () => {
  test('writes commented files, fetches, and fills in the past hours; again it changes nothing', async () => {
    const { base, source } = await freshBase(2);
    const target = join(base, 'new/base');
    await mkdir(join(base, 'new'));
    const run = (...args: string[]) => runCommand(['init', '--base', target, ...args]);
    // A path on the command line starts where the command is run, which is / here.
    const first = await run('--repo', source.slice(1), '--branch', 'main', '--backfill', '2');
    expect(first).toMatchObject({ code: 0, stderr: '' });
    expect(first.stdout).toBe(`${target}: wrote schedule.yml, nodes.yml, tagstate, pins, server.yml.
3 tags made from history.
Next: tagwave-server serve --base ${target}
`);
    expect(await readFile(join(target, 'server.yml'), 'utf8')).toContain(`url: ${source}\n`);
    expect(await runCommand(['check', '--base', target])).toMatchObject({ code: 0 });

    await writeFile(join(target, 'pins'), '# mine\n');
    const again = await run('--repo', 'elsewhere', '--json');
    expect([again.code, objectIn(again.stdout)]).toEqual([
      0,
      {
        ok: true,
        base: target,
        written: [],
        notes: ['server.yml was there already and stays as it is: --repo counts for nothing'],
        tags: [],
        trouble: null,
      },
    ]);
    expect(await readFile(join(target, 'pins'), 'utf8')).toBe('# mine\n');
  });

  test('without a repository says what is missing, and leaves files to begin with', async () => {
    const base = await disposableDirectory();
    const { code, stdout } = await runCommand(['init', '--base', base]);
    expect(code).toBe(0);
    expect(stdout).toContain('wrote schedule.yml, nodes.yml, tagstate, pins, server.yml.\nNo tag yet: ');
    expect(stdout).toContain(`${base}/trunk`);
    expect(await runCommand(['check', '--base', base])).toMatchObject({ code: 0 });
  });

  test('where it cannot write says so', async () => {
    const { code, stdout, stderr } = await runCommand(['init', '--base', '/dev/null/base']);
    expect([code, stdout, stderr]).toEqual([1, '', expect.stringContaining('/dev/null/base cannot be written: ')]);
  });
});
