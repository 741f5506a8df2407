import { readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BEFORE, HOSTS, NEWEST, OLDEST, settled, testBase, useBases } from './base.ts';

useBases();

const iso = (at: number): string => new Date(at).toISOString();
const HOUR_MS = 3_600_000;

describe('explain', () => {
  test('tells what a host gets now, with every step, its wave and its groups', async () => {
    const { run, json } = await testBase({ tagstate: `${NEWEST} bad broke ntp\n` });
    const { code, stdout, stderr } = await run(['explain', 'DEV1.example.com.']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.split('\n').slice(1)).toEqual([
      '  development, wave development+0h; groups: dev',
      expect.stringMatching(
        /^ {2}· development lags 0 hours; due is \S+ \(the newest before \S+, which does not exist\)$/,
      ),
      `  · ${NEWEST} is bad: "broke ntp" (tagstate line 1)`,
      `  · ${BEFORE} is unmarked: serving it`,
      '',
    ]);
    expect(stdout).toMatch(new RegExp(`^dev1\\.example\\.com at \\S+: ${BEFORE}\n`));
    expect(await json(['explain', HOSTS.dev])).toMatchObject({
      code: 0,
      value: { hostname: HOSTS.dev, tense: 'now', decision: { outcome: 'serve', tag: BEFORE }, groups: ['dev'] },
    });
  });

  test('tells of a hold what to do about it', async () => {
    const { run } = await testBase({ pins: 'web1.example.com nonsense\n' });
    const { code, stdout } = await run(['explain', 'web1.example.com']);
    expect(code).toBe(0);
    expect(stdout).toContain(': hold bad-pin\n');
    expect(stdout).toContain('  → the pin of web1.example.com (pins line 1) cannot be understood');
  });

  test('of the future takes the marks, pins and groups of today, and one unmarked tag an hour', async () => {
    const { json, run } = await testBase({ tagstate: `${NEWEST} bad\n` });
    const at = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + 6 * HOUR_MS + 60_000;
    const { code, value } = await json(['explain', HOSTS.web, '--at', iso(at)]);
    expect([code, value['tense'], value['at']]).toEqual([0, 'future', iso(at)]);
    const due = iso(at - 4 * HOUR_MS).replace(/[-:]/g, '');
    expect(value['decision']).toMatchObject({ tag: `etchautotag-${due.slice(0, 8)}-${due.slice(9, 11)}00` });
    const soon = await json(['explain', HOSTS.pinned, '--at', iso(at)]);
    expect(soon.value['decision']).toMatchObject({ tag: NEWEST });
    const far = await run(['explain', HOSTS.web, '--at', '9999-01-01T00:00Z']);
    expect(far).toMatchObject({ code: 1, stderr: expect.stringContaining('more than a year ahead') });
  });

  test('of the past takes marks, pins, groups, tags and killswitches as they were, also after a restart', async () => {
    const { run, json, write, base } = await testBase();
    const at: string[] = [];
    /** Looks as it is now recorded, and remembers when that was. */
    const record = async () => {
      await settled(base);
      await run(['snapshot', '--hour', NEWEST]);
      at.push(iso(Date.now()));
    };
    await record();
    await write({ tagstate: `${NEWEST} bad\n`, 'nodes.yml': '"web*.example.com": [dev]\n' });
    await record();
    await run(['kill', '--message', 'stop']);
    await record();
    await run(['resume']);
    await write({ tagstate: '# none\n', pins: `${HOSTS.web} ${OLDEST}\n`, 'nodes.yml': '{}\n' });
    await record();

    const explained = await Promise.all(at.map((instant) => json(['explain', HOSTS.web, '--at', instant])));
    expect(explained.map(({ code, value }) => [code, value['tense'], value['wave'], value['decision']])).toEqual([
      [0, 'past', 'production+4h', expect.objectContaining({ tag: NEWEST })],
      [0, 'past', 'development+0h', expect.objectContaining({ tag: BEFORE })],
      [0, 'past', 'development+0h', expect.objectContaining({ outcome: 'killswitch', message: 'stop' })],
      [0, 'past', 'production+4h', expect.objectContaining({ tag: OLDEST })],
    ]);
    expect(explained[1]?.value['notes']).toContain('with the marks, pins, groups and tags as they were');
  });

  test('of a time of which nothing is known, or without a history, says so', async () => {
    const { run, base } = await testBase();
    const early = await run(['explain', HOSTS.web, '--at', '2020-01-01T00:00Z']);
    expect(early).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('nothing is known of 2020-01-01T00:00:00.000Z: the history begins later'),
    });
    await writeFile(join(base, 'var/history.sqlite'), 'damaged '.repeat(1000));
    const { code, stderr } = await run(['explain', 'dev9.example.com', '--at', '2020-01-01T00:00Z']);
    expect([code, stderr]).toEqual([1, expect.stringMatching(/^(nothing is known of|the history cannot be read)/)]);
  });

  test('waits for a module that answers late, and holds where it never does', async () => {
    const { run } = await testBase({
      'server.yml': 'repo: {url: ../config}\nnodetagger: rule.mjs\n',
      'rule.mjs': `export default async (hostname, { scheduled }) => {
        if (hostname.startsWith('never')) return new Promise(() => {});
        await new Promise((resolve) => setTimeout(resolve, 50));
        return scheduled(0);
      };`,
    });
    const [late, never] = await Promise.all([
      run(['explain', 'late.example.com']),
      run(['explain', 'never.example.com']),
    ]);
    expect([late.code, late.stdout]).toEqual([0, expect.stringContaining(`the nodetagger answered ${NEWEST}`)]);
    expect([never.code, never.stderr]).toEqual([0, '']);
    expect(never.stdout).toContain('the nodetagger failed: it did not answer within 5 s');
  });
});

describe('status', () => {
  test('shows what every wave gets, the fleet and the silent, and that there are no problems', async () => {
    const { run, json } = await testBase();
    const { code, stdout, stderr } = await run(['status']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^WAVE +ENVIRONMENT +LAG +GETS +NODES +TOLD LAST\n/);
    expect(stdout).toMatch(new RegExp(`^production\\+4h +production +4 h +${NEWEST} +3 +3 × ${NEWEST}$`, 'm'));
    expect(stdout).toContain(`5 tags, newest ${NEWEST}; trunk `);
    expect(stdout).toContain(`4 known nodes, 1 silent: ${HOSTS.silent}\nNo problems.\n`);
    expect(await json(['status'])).toMatchObject({
      code: 0,
      value: { nodes: { known: 4, silent: [HOSTS.silent] }, problems: [], killswitch: [], tags: { count: 5 } },
    });
  });

  test('shows killswitches with who has been told, and every problem with what to do', async () => {
    const { run } = await testBase({
      killswitch: 'ask Ana\n',
      'killswitch.d/prodution': '',
      tagstate: `${NEWEST} baad\n`,
    });
    const { code, stdout } = await run(['status']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^KILLSWITCH for everything.*: ask Ana\n {2}told: 0 of 4; not yet: /);
    expect(stdout).toContain('KILLSWITCH prodution');
    expect(stdout).toMatch(
      /ERROR since \S+: tagstate line 1: "baad" is no state, so \S+ counts as bad\n {2}→ write good/,
    );
    expect(stdout).toContain('killswitch.d/prodution names no environment of the schedule, so it stops everything');
  });

  test('says what is invalid where there is nothing to go by', async () => {
    const { run, json } = await testBase({ 'nodes.yml': '- a\n', tagstate: Buffer.from([0]) });
    const { code, stdout, stderr } = await run(['status']);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('nodes.yml line 1: expected a mapping');
    expect(stderr).toContain('tagstate line 1: expected a readable text file, found it holds NUL bytes');
    expect(await json(['status'])).toMatchObject({ code: 1, value: { ok: false } });
  });
});

describe('tags, nodes and events', () => {
  test('tags lists the newest first, with marks and the nodes on them', async () => {
    const { run, json } = await testBase({ tagstate: `${NEWEST} bad:production\n${BEFORE} good\n` });
    const { code, stdout } = await run(['tags', '--limit', '2']);
    expect(code).toBe(0);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^TAG +COMMIT +MARK +NODES +WHAT$/),
      expect.stringMatching(new RegExp(`^${NEWEST} +[0-9a-f]{12} +bad:production +4 +cron, Change number 4$`)),
      expect.stringMatching(new RegExp(`^${BEFORE} +[0-9a-f]{12} +good +0 +cron, Change number 3$`)),
      '3 older ones; --limit shows more',
      '',
    ]);
    const { value } = await json(['tags']);
    expect(value).toMatchObject({
      older: 0,
      tags: [{ name: NEWEST, marks: { production: { state: 'bad' } } }, {}, {}, {}, {}],
    });
  });

  test('nodes lists the fleet with what each was told, and who is silent', async () => {
    const { run, json } = await testBase();
    const { code, stdout } = await run(['nodes']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^HOST +WAVE +RUNS +(TOLD +)?SEEN +REMARKS$/m);
    expect(stdout).toMatch(new RegExp(`^silent\\.example\\.com +production\\+4h .*${NEWEST} .* silent$`, 'm'));
    expect(stdout).toMatch(/^4 nodes, 1 silent for more than \d+ minutes$/m);
    expect((await json(['nodes'])).value['nodes']).toHaveLength(4);
  });

  test('nodes lists some at a time, and says after which to go on', async () => {
    const { run, json } = await testBase();
    const all = (await json(['nodes'])).value['nodes'] as { hostname: string }[];
    const names = all.map(({ hostname }) => hostname);
    const first = (await json(['nodes', '--limit', '3'])).value;
    expect(first).toMatchObject({ nodes: names.slice(0, 3).map((hostname) => ({ hostname })), next: names[2] });
    const rest = (await json(['nodes', '--limit', '3', '--after', names[2] ?? ''])).value;
    expect(rest).toMatchObject({ nodes: [{ hostname: names[3] }], next: null });
    expect((await run(['nodes', '--limit', '3'])).stdout).toContain(`--after ${names[2]} shows them`);
    expect((await run(['nodes', '--limit', 'none'])).code).toBe(2);
    expect((await run(['nodes', '--after', 'no host'])).code).toBe(2);
  });

  test('events lists what changed, by whom, oldest first, chosen by kind, subject and time', async () => {
    const { run, json } = await testBase();
    const since = iso(Date.now());
    await run(['mark', NEWEST, 'bad', '--reason', 'x']);
    await run(['mark', BEFORE, 'bad', '--reason', 'y']);
    const all = await run(['events', '--since', since, '--subject', 'tagstate']);
    expect(all.stdout.trim().split('\n')).toEqual([
      expect.stringMatching(/^\S+Z {2}file owner \S+ \(file\): tagstate was created \(1 line\)$/),
      expect.stringMatching(/^\S+Z {2}\S+ \(command line\): tagstate: 1 line added \("x"\)$/),
      expect.stringMatching(/^\S+Z {2}\S+ \(command line\): tagstate: 1 line added \("y"\)$/),
    ]);
    const { value } = await json(['events', '--kind', 'mark', 'fetch', '--subject', 'tagstate', '--limit', '1']);
    expect(value['events']).toEqual([expect.objectContaining({ kind: 'mark', after: `${BEFORE} bad y`, why: 'y' })]);
    expect((await run(['events', '--kind', 'tag-pruned'])).stdout).toBe('Nothing is recorded of that.\n');
  });

  test('need no server and no history: what is not there is not listed, or told', async () => {
    const { run, base } = await testBase();
    await rm(join(base, 'var'), { recursive: true });
    expect(await run(['tags'])).toMatchObject({ code: 0, stdout: 'There are no tags yet.\n' });
    expect(await run(['nodes'])).toMatchObject({ code: 0, stdout: 'No node has asked yet.\n' });
    expect(await run(['status'])).toMatchObject({ code: 0, stdout: expect.stringContaining('No problems.\n') });
    expect(await run(['events'])).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^no events can be read: there is no .*\n→ the server records them/),
    });
    expect(await readdir(base)).not.toContain('var');
  });
});
