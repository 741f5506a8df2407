import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { BEFORE, HOSTS, NEWEST, OLDEST, TAGS, testBase, useBases } from './base.ts';

useBases();

const PATCH = `diff --git a/etc/motd b/etc/motd
index 8d57a99..5c48371 100644
--- a/etc/motd
+++ b/etc/motd
@@ -1 +1 @@
-hello 3
+hello 4
`;
const [, SECOND] = TAGS;

describe('diff', () => {
  test('of one tag shows, as git would, in what it differs from the tag before it', async () => {
    const { run, root } = await testBase();
    const { code, stdout, stderr } = await run(['diff', NEWEST]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout.replace(/^index .*$/m, '')).toBe(PATCH.replace(/^index .*$/m, ''));
    const applied = await execa('git', ['apply', '--numstat', '-'], { cwd: root, input: stdout });
    expect(applied.stdout).toBe('1\t1\tetc/motd');
    expect((await run(['diff', BEFORE, NEWEST])).stdout).toBe(stdout);
    expect((await run(['diff', NEWEST, BEFORE])).stdout).toContain('-hello 4\n+hello 3\n');
  });

  test('with --stat names the files, with --path shows one', async () => {
    const { run } = await testBase();
    expect((await run(['diff', OLDEST, NEWEST, '--stat'])).stdout).toBe(
      `  M etc/motd (+1 −1)\n${OLDEST} → ${NEWEST}: 1 file, +1 −1\n`,
    );
    expect((await run(['diff', OLDEST, NEWEST, '--path', 'etc/motd'])).stdout).toContain('\n-hello 0\n+hello 4\n');
    const other = await run(['diff', NEWEST, '--path', 'etc/other']);
    expect(other).toMatchObject({
      code: 0,
      stdout: `etc/other is the same in ${BEFORE} and ${NEWEST}, or in neither.\n`,
    });
    expect((await run(['diff', NEWEST, 'trunk'])).stdout).toBe(`${NEWEST} → trunk: the same files\n`);
  });

  test('with --host shows the files as that host would have them', async () => {
    const { run } = await testBase();
    expect((await run(['diff', NEWEST, '--host', HOSTS.web])).stdout).toBe(
      'diff a/etc/motd b/etc/motd\n--- a/etc/motd\n+++ b/etc/motd\n@@ -1,1 +1,1 @@\n-hello 3\n+hello 4\n',
    );
    expect((await run(['diff', NEWEST, '--host', HOSTS.web, '--stat'])).stdout).toBe(
      `  M etc/motd (+1 −1)\n${BEFORE} → ${NEWEST}: 1 file, +1 −1\n`,
    );
  });

  test('with --json prints one object, with the patch of the file that was named', async () => {
    const { json } = await testBase();
    const file = { path: 'etc/motd', oldPath: null, status: 'modified', insertions: 1, deletions: 1 };
    const sides = { from: { name: BEFORE }, to: { name: NEWEST }, files: [file], more: 0, isPatchCut: false };
    expect(await json(['diff', NEWEST])).toMatchObject({ code: 0, value: { ...sides, patch: null } });
    const one = await json(['diff', NEWEST, '--path', 'etc/motd']);
    expect(one).toMatchObject({
      code: 0,
      value: { ...sides, patch: expect.stringContaining('\n-hello 3\n+hello 4\n') },
    });
    const host = await json(['diff', NEWEST, '--path', 'etc/motd', '--host', HOSTS.web]);
    expect(host).toMatchObject({
      code: 0,
      value: { ...sides, patch: expect.stringContaining('\n-hello 3\n+hello 4\n') },
    });
  });

  test('paints what came and went, but on terminals alone', async () => {
    const { run } = await testBase();
    expect((await run(['diff', NEWEST])).stdout).not.toContain('\u001b');
  });

  test('says which tag there is, where there is none of that name or before it', async () => {
    const { run } = await testBase();
    const refused = async (...args: string[]) => {
      const { code, stderr } = await run(['diff', ...args]);
      return [code, stderr];
    };
    const unknown = 'etchautotag-20200101-0000';
    expect(await refused(NEWEST, unknown)).toEqual([
      1,
      `there is no tag ${unknown}\n→ the nearest is ${OLDEST}; "tagwave-server tags" lists them\n`,
    ]);
    expect(await refused(unknown)).toEqual(await refused(NEWEST, unknown));
    expect(await refused(OLDEST)).toEqual([
      1,
      `there is no tag before ${OLDEST}\n→ name two tags; "tagwave-server tags" lists them\n`,
    ]);
    expect((await refused('yesterday'))[0]).toBe(2);
    expect((await refused(NEWEST, SECOND ?? '', '--host', 'no host'))[0]).toBe(2);
  });
});
