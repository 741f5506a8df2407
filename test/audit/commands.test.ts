import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { NEWEST, type TestBase, testBase, useBases } from '../cli/base.ts';
import { startCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { tamper } from './history.ts';

useBases();

/** A base in which something was recorded. */
async function recordedBase(): Promise<TestBase> {
  const laid = await testBase();
  await laid.run(['mark', NEWEST, 'bad', '--reason', 'broke ntp']);
  await laid.run(['kill', '--message', 'stop']);
  return laid;
}

const historyIn = ({ base }: TestBase): string => join(base, 'var/history.sqlite');

describe('"events --verify"', () => {
  test('exits 0 and tells the end of the chain, which --expect takes afterwards', async () => {
    const laid = await recordedBase();
    const { code, value } = await laid.json(['events', '--verify']);
    expect([code, value['ok'], value['droppedUpTo']]).toEqual([0, true, null]);
    const { hash } = value['head'] as { hash: string };
    const shown = await laid.run(['events', '--verify', '--expect', hash]);
    expect([shown.code, shown.stderr]).toEqual([0, '']);
    expect(shown.stdout).toContain(`The chain ends with ${hash}\n`);
    await laid.run(['mark', NEWEST, 'none']);
    expect((await laid.run(['events', '--verify', '--expect', hash])).code).toBe(0);
  });

  test('exits 1 and names what is wrong where an event was changed, or the expected hash is not there', async () => {
    const laid = await recordedBase();
    const other = await laid.run(['events', '--verify', '--expect', 'a'.repeat(64)]);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('is that of no event')]);
    tamper(historyIn(laid), (database) => database.exec(`update events set by = 'mallory' where kind = 'mark'`));
    const found = await laid.run(['events', '--verify']);
    expect([found.code, found.stdout]).toEqual([1, '']);
    expect(found.stderr).toMatch(/does not go on from .*: it was changed/);
    expect((await laid.json(['events', '--verify'])).value).toMatchObject({ ok: false });
  });

  test('also reads a history in which times and ids make no sense', async () => {
    const laid = await recordedBase();
    tamper(historyIn(laid), (database) =>
      database.exec(`
        insert into events (id, at, kind, by, subject, summary) values (-7, 1e300, 'mark', 'x', 'x', 'x');
        insert into events (id, at, kind, by, subject, summary) values (9223372036854775000, 'no', 'mark', 'x', 'x', 'x')`),
    );
    expect((await laid.run(['events', '--verify'])).stderr).toContain('event -7 has an id that is never given');
    expect((await laid.run(['events'])).code).toBe(0);
  });

  test('is not mixed with what makes no sense', async () => {
    const { run } = await testBase();
    const wrong = [
      [['--verify', '--follow'], 'one at a time'],
      [['--verify', '--kind', 'mark'], 'take all events'],
      [['--export', '--since', '2026-11-20T14:00Z'], 'take all events'],
      [['--expect', 'a'.repeat(64)], 'add --verify'],
      [['--verify', '--expect', 'deadbeef'], 'is no hash'],
    ] as const;
    const ended = await Promise.all(wrong.map(([args]) => run(['events', ...args])));
    expect(ended.map(({ code, stderr }) => [code, stderr])).toEqual(
      wrong.map(([, said]) => [2, expect.stringContaining(said)]),
    );
  });
});

test('"events --export" hands out lines that can be checked with SHA-256 alone', async () => {
  const laid = await recordedBase();
  const { code, stdout } = await laid.run(['events', '--export']);
  expect(code).toBe(0);
  let previous = '0'.repeat(64);
  const kinds: string[] = [];
  for (const line of stdout.trimEnd().split('\n')) {
    const [, body, hash] = /^(.*),"hash":"([0-9a-f]{64})"\}$/.exec(line) ?? [];
    if (hash === undefined) continue;
    expect(createHash('sha256').update(`${previous}${body}}`).digest('hex')).toBe(hash);
    kinds.push((JSON.parse(line) as { kind: string }).kind);
    previous = hash;
  }
  expect(kinds).toEqual(expect.arrayContaining(['mark', 'kill']));
});

test('"events --follow" tells what other commands do, without a server, and ends with 0 when it is interrupted', async () => {
  const laid = await recordedBase();
  const following = await startCommand(['events', '--follow', '--kind', 'mark', '--base', laid.base]);
  await until('the mark of before', () => following.said.stdout.includes('("broke ntp")'));
  await laid.run(['mark', NEWEST, 'badfwd', '--reason', 'worse than thought']);
  await until('the mark of now', () => following.said.stdout.includes('("worse than thought")'));
  following.child.kill('SIGINT');
  expect(await following.ended).toMatchObject({ code: 0, stderr: '' });
  expect(following.said.stdout).not.toContain('killswitch');
});

test('commands say who they are, and under sudo who called it', async () => {
  const laid = await testBase();
  const env = { SUDO_USER: 'ana' };
  await laid.run(['mark', NEWEST, 'bad', '--reason', 'broke ntp'], { env });
  await laid.run(['pin', 'web9.example.com', NEWEST, '--reason', 'comparing'], { env });
  await laid.run(['unpin', 'web9.example.com', '--reason', 'compared'], { env });
  await laid.run(['kill', '--message', 'stop'], { env });
  await laid.run(['resume', '--reason', 'over'], { env });
  const { value } = await laid.json(['events', '--kind', 'mark', 'pin', 'kill', 'resume']);
  const events = value['events'] as { kind: string; by: string; from: string; why: string | null; after: string }[];
  const said = events.filter(({ from }) => from === 'command line');
  expect(said).toEqual(Array(5).fill(expect.objectContaining({ by: expect.stringMatching(/^ana as \S+$/) })));
  expect(said.map(({ kind, why }) => [kind, why])).toEqual([
    ['mark', 'broke ntp'],
    ['pin', 'comparing'],
    ['pin', 'compared'],
    ['kill', 'stop'],
    ['resume', 'over'],
  ]);
});
