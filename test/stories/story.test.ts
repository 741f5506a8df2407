import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { currentTree } from '../client/run-client.ts';
import type { Files } from '../rig/git.ts';
import { ask, askAll, change } from './ask.ts';
import { type Host, host } from './hosts.ts';
import { at, contentAt, HOST_KEYS, HOSTS, type HostKey, type Train, tagAt, train } from './train.ts';

/** The bad change of 08:00 alters one file and adds two; the fix of 11:00 takes them away again. */
const BROKEN = {
  'etc/ntp.conf': 'server nowhere\n',
  'etc/cron.d/runaway': '* * * * * root rm -rf /var/cache\n',
  'etc/deep/er/extra.conf': 'on\n',
};
const FIX = { 'etc/cron.d/runaway': null, 'etc/deep/er/extra.conf': null };

function changeFor(hour: number): Files {
  if (hour === 8) return { ...contentAt(8), ...BROKEN };
  if (hour === 11) return { ...contentAt(11), ...FIX };
  return { 'etc/release': `hour ${hour}\n` };
}

/** Everything that a host on this hour's tag has. */
function treeAt(hour: number): Record<string, string> {
  return hour >= 8 && hour <= 10 ? { ...contentAt(hour), ...BROKEN } : contentAt(hour);
}

/** What each host must have: an hour, or `held` after it where the server tells it to keep what it has. */
type Row = readonly [time: string, dev: Cell, qa: Cell, stg: Cell, east: Cell, prod: Cell];
type Cell = number | `${number} held`;

interface Company {
  readonly server: Train;
  readonly hosts: Readonly<Record<HostKey, Host>>;
}

async function company(): Promise<Company> {
  const server = await train({ lastHour: 7, now: at('07:00') });
  const made = await Promise.all(HOST_KEYS.map(async (key) => [key, await host(HOSTS[key])] as const));
  return { server, hosts: Object.fromEntries(made) as Record<HostKey, Host> };
}

/** The hour comes with its commit, and each wave is told what the row says. */
async function hear({ server }: Company, [time, ...cells]: Row): Promise<void> {
  await come(server, time);
  const told = cells.map((cell) => (typeof cell === 'string' ? 'hold no-newer-tag' : String(cell).padStart(2, '0')));
  expect(Object.values(await askAll(server)), `at ${time}`).toEqual(told);
}

/** As `hear`; then every host polls as cron makes it, and has what it was told, file by file. */
async function play(the: Company, row: Row): Promise<void> {
  await hear(the, row);
  const [time, ...cells] = row;
  const got = await Promise.all(
    HOST_KEYS.map(async (key) => {
      const { code, stderr } = await the.hosts[key].poll(the.server.url);
      const tree = await currentTree(the.hosts[key].target);
      return { key, code, held: stderr.includes('held (no-newer-tag)'), tree };
    }),
  );
  const expected = HOST_KEYS.map((key, index) => {
    const cell = cells[index] ?? 0;
    const held = typeof cell === 'string';
    return { key, code: held ? 4 : 0, held, tree: treeAt(Number.parseInt(String(cell), 10)) };
  });
  expect(got, `at ${time}`).toEqual(expected);
}

async function come(server: Train, time: string): Promise<void> {
  if (server.clock.now() >= Date.parse(at(time))) return;
  await server.commit(changeFor(Number(time.slice(0, 2))));
  await server.passTo(at(time));
}

async function noticeTheBadChange(the: Company): Promise<void> {
  await hear(the, ['07:00', 7, 6, 5, 4, 3]);
  await hear(the, ['08:00', 8, 7, 6, 5, 4]);
  await hear(the, ['09:00', 9, 8, 7, 6, 5]);
  await play(the, ['10:00', 10, 9, 8, 7, 6]);
  await the.server.passTo(at('10:20'));
}

describe('bad at 08:00, noticed at 10:20, fixed in the 11:00 tag', () => {
  test('marked bad in an editor, everyone who had it goes back to 07:00, files it added are gone, and the fix travels', async () => {
    const the = await company();
    await noticeTheBadChange(the);
    const lines = [8, 9, 10].map((hour) => `${tagAt(hour)} bad broke ntp`);
    await appendFile(join(the.server.base, 'tagstate'), `# ticket 4711\n${lines.join('\n')}\n`);
    the.server.sweep();
    await play(the, ['10:20', 7, 7, 7, 7, 6]);
    const { reasons } = await ask(the.server, HOSTS.qa);
    expect(reasons).toEqual([
      `qa lags 1 hour; due is ${tagAt(9)}`,
      `${tagAt(9)} is bad: "broke ntp" (tagstate line 3)`,
      `${tagAt(8)} is bad: "broke ntp" (tagstate line 2)`,
      `${tagAt(7)} is unmarked: serving it`,
    ]);
    await play(the, ['11:00', 11, 7, 7, 7, 7]);
    await hear(the, ['12:00', 12, 11, 7, 7, 7]);
    await hear(the, ['13:00', 13, 12, 11, 7, 7]);
    await hear(the, ['14:00', 14, 13, 12, 11, 7]);
    await play(the, ['15:00', 15, 14, 13, 12, 11]);
  });

  test('marked badfwd over HTTP, everyone due for it keeps what it has and then goes straight to 11:00', async () => {
    const the = await company();
    await noticeTheBadChange(the);
    for (const hour of [8, 9, 10]) {
      const mark = { state: 'badfwd', reason: 'left a cron job behind' };
      expect(await change(the.server, `/v1/tags/${tagAt(hour)}/mark`, { method: 'PUT', body: mark })).toBe(200);
    }
    await play(the, ['10:20', '10 held', '9 held', '8 held', 7, 6]);
    await play(the, ['11:00', 11, 11, 11, 11, 7]);
    await play(the, ['12:00', 12, 11, 11, 11, 11]);
    await hear(the, ['13:00', 13, 12, 11, 11, 11]);
    await hear(the, ['14:00', 14, 13, 12, 11, 11]);
    await hear(the, ['15:00', 15, 14, 13, 12, 11]);
  });
});
