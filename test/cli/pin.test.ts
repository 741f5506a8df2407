import { chmod, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BEFORE, HOSTS, NEWEST, OLDEST, testBase, useBases } from './base.ts';

useBases();

describe('pin', () => {
  test('shows who moves from what to what, then edits pins, and ends with who has been told', async () => {
    const { run, read } = await testBase();
    const args = ['pin', 'WEB*.example.com', BEFORE, '--until', '2099-01-01T00:00Z', '--reason', 'comparing kernels'];
    expect(await run([...args, '--dry-run'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/Nothing was changed \(--dry-run\)\.\n$/),
    });
    expect(await read('pins')).toBe(`${HOSTS.pinned} ${NEWEST} comparing\n`);
    expect(await run(args)).toMatchObject({
      code: 0,
      stderr: '',
      stdout: `By the schedule no wave moves.
Of 4 known nodes 1 moves.
  1 node of production+4h: ${NEWEST} → ${BEFORE} (BACK): ${HOSTS.web}
  pinned, and staying: ${HOSTS.pinned} (${NEWEST})
Files: ${NEWEST} → ${BEFORE}: 1 file, +1 −1
  M etc/motd (+1 −1)
web*.example.com is pinned to ${BEFORE}; it counts once pins has been unchanged for a moment.
Told so far: 0 of 1 node; the others learn it when they next ask.
`,
    });
    expect(await read('pins')).toBe(
      `${HOSTS.pinned} ${NEWEST} comparing\nweb*.example.com ${BEFORE} until=2099-01-01T00:00Z comparing kernels\n`,
    );
    expect((await run(args)).stdout).toContain('is already pinned so: nothing to change.\n');
  });

  test('to trunk shows who jumps ahead', async () => {
    const { json } = await testBase();
    const { code, value } = await json(['pin', HOSTS.dev, 'trunk', '--dry-run']);
    expect([code, value['preview']]).toEqual([
      0,
      expect.objectContaining({
        moves: [{ wave: 'development+0h', from: NEWEST, to: 'trunk', direction: 'forward', nodes: [HOSTS.dev] }],
      }),
    ]);
  });

  test('to a tag that does not exist is refused', async () => {
    const { run, read } = await testBase();
    const { code, stderr } = await run(['pin', HOSTS.web, 'etchautotag-20200101-0000']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('there is no tag etchautotag-20200101-0000')]);
    expect(await read('pins')).toBe(`${HOSTS.pinned} ${NEWEST} comparing\n`);
  });

  test('is refused where it would not count, because another line names no host', async () => {
    const { run, read } = await testBase({ pins: '= trunk\n', 'var/last-valid/pins': '# none\n' });
    const { code, stdout, stderr } = await run(['pin', HOSTS.web, BEFORE]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('no change of pins counts as long as one of its lines names no host: pins line 1');
    expect(await read('pins')).toBe('= trunk\n');
  });

  test('keeps the mode and every other line', async () => {
    const pins = `# who stays\r\n${HOSTS.pinned}   ${OLDEST}\tuntil=2099-01-01T00:00Z  x\r\n\r\n`;
    const { run, read, base } = await testBase({ pins });
    await chmod(join(base, 'pins'), 0o600);
    await run(['pin', HOSTS.web, BEFORE]);
    expect(await read('pins')).toBe(`${pins}${HOSTS.web} ${BEFORE}\r\n`);
    expect((await stat(join(base, 'pins'))).mode & 0o7777).toBe(0o600);
  });
});

describe('unpin', () => {
  test('shows who moves, takes the line out, and leaves a comment rather than an empty file', async () => {
    const { run, read } = await testBase({ pins: `${HOSTS.pinned} ${BEFORE}\n` });
    const { code, stdout } = await run(['unpin', HOSTS.pinned]);
    expect(code).toBe(0);
    expect(stdout).toContain(`1 node of production+4h: ${BEFORE} → ${NEWEST} (forward): ${HOSTS.pinned}`);
    expect(stdout).toContain(`The pin of ${HOSTS.pinned} is taken off; it counts once pins has been unchanged`);
    expect(stdout).toMatch(/Told so far: 1 of 1 node\.\n$/);
    expect(await read('pins')).toBe('# no pins\n');
    expect((await run(['unpin', HOSTS.pinned])).stdout).toContain('has no pin of its own: nothing to change.');
  });

  test('with --dry-run changes nothing', async () => {
    const { run, read } = await testBase();
    expect(await run(['unpin', HOSTS.pinned, '--dry-run'])).toMatchObject({ code: 0 });
    expect(await read('pins')).toBe(`${HOSTS.pinned} ${NEWEST} comparing\n`);
  });
});

describe('preview', () => {
  test('shows what marks, pins and killswitches together would move, and makes none of them', async () => {
    const { run, read, json } = await testBase();
    const marks = ['--mark', `${NEWEST}=bad:production`, `${BEFORE}=BADFWD`];
    const rest = ['--pin', `${HOSTS.web}=${OLDEST}`, '--unpin', HOSTS.pinned, '--kill', 'development'];
    const { code, stdout, stderr } = await run(['preview', ...marks, ...rest]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`development+0h: ${NEWEST} → killswitch (stop)`);
    expect(stdout).toContain(`1 node of production+4h: ${NEWEST} → ${OLDEST} (BACK): ${HOSTS.web}`);
    expect(stdout).toMatch(/2 nodes of production\+4h: \S+ → \S+ \(BACK\): pinned\.example\.com, silent\.example\.com/);
    expect(await read('tagstate')).toBe('# marks\n');
    const told = await json(['preview', ...marks]);
    expect(told).toMatchObject({ code: 0, value: { staying: 2, unknown: [], waves: expect.any(Array) } });
  });

  test('of a killswitch whose name is no environment shows that it stops everything', async () => {
    const { json } = await testBase();
    const { value } = await json(['preview', '--kill', 'prodution']);
    expect(value).toMatchObject({ staying: 0 });
    expect((await json(['preview', '--kill'])).value).toMatchObject({ staying: 0 });
  });

  test('of a resume shows that nothing moves as long as something else stops it', async () => {
    const { json } = await testBase({ killswitch: '', 'killswitch.d/production': '' });
    expect((await json(['preview', '--resume'])).value).toMatchObject({
      moves: [{ wave: 'development+0h', direction: 'resumes' }],
      staying: 3,
    });
    expect((await json(['preview', '--resume', 'production'])).value).toMatchObject({ moves: [], staying: 4 });
  });

  test('refuses what could not be made either', async () => {
    const { run } = await testBase();
    const { code, stderr } = await run(['preview', '--mark', `${NEWEST}=bad:prodution`]);
    expect([code, stderr]).toEqual([1, expect.stringContaining('"prodution" is no environment')]);
  });

  test('takes the last answers where a nodetagger decides, and says so', async () => {
    const { run, base } = await testBase({ nodetagger: `#!/bin/sh\necho ${NEWEST}\n` });
    await chmod(join(base, 'nodetagger'), 0o755);
    const { stdout } = await run(['preview', '--mark', `${NEWEST}=bad`]);
    expect(stdout).toContain(
      `2 nodes of production+4h: ${NEWEST} → hold marked-bad (stop): ${HOSTS.silent}, ${HOSTS.web}`,
    );
    expect(stdout).toContain('Not known: the nodetagger decides here');
  });
});
