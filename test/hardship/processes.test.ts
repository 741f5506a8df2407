import { chmod, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { floorHour, type Hour, startOf, tagNameOf } from '../../protocol/names.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { sourceRepository } from '../rig/git.ts';
import { NOBODY } from '../rig/nobody.ts';
import { type TestServer, testServer, writeSettled } from '../rig/server.ts';
import { runCommand } from '../rig/server-process.ts';
import { until } from '../rig/until.ts';
import { ask } from '../stories/ask.ts';
import { HOSTS, NODES, SCHEDULE } from '../stories/train.ts';

const MOST_OF_AN_HOUR_MS = 3_550_000;
const iso = (hour: Hour): string => new Date(startOf(hour)).toISOString();
/** As `--hour` takes it. */
const digits = (hour: Hour): string => iso(hour).replace(/\D/g, '').slice(0, 10);
const me = userInfo().username;
const SETTLE = { TAGWAVE_SETTLE_SECONDS: '2' };

interface Laid {
  readonly base: string;
  /** The present one, because commands go by the machine's clock. */
  readonly hour: Hour;
  readonly commit: string;
}

/** A base whose repository has commits older than any tag. */
async function layBase(): Promise<Laid> {
  const hour = floorHour(Date.now());
  const root = await disposableDirectory();
  const base = join(root, 'base');
  const source = await sourceRepository();
  for (const directory of [root, dirname(source.directory)]) await chmod(directory, 0o755);
  const commit = await source.commit({ 'etc/motd': 'hello\n' }, { at: iso(hour - 20) });
  await mkdir(base);
  await writeSettled(join(base, 'server.yml'), `repo: {url: ${source.directory}, branch: main}\n`);
  await writeSettled(join(base, 'schedule.yml'), SCHEDULE);
  await writeSettled(join(base, 'nodes.yml'), NODES);
  return { base, hour, commit };
}

/** A server on it, that has made the tag of this hour. */
async function serverOn({ base, hour }: Laid): Promise<TestServer> {
  // A little behind at the end of an hour, so that it does not turn in the middle of a test.
  const now = Math.min(Date.now(), startOf(hour) + MOST_OF_AN_HOUR_MS);
  const server = await testServer({ base, now: new Date(now).toISOString(), env: SETTLE });
  await until('the tag of this hour', async () => (await ask(server, HOSTS.dev)).status === 200);
  return server;
}

async function run(base: string, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await runCommand([...args, '--base', base], { env: SETTLE });
  expect([args.join(' '), code, stderr]).toEqual([args.join(' '), 0, '']);
  return stdout;
}

interface Recorded {
  readonly by: string;
  readonly from: string | null;
  readonly after: string | null;
  readonly subject: string;
  readonly kind: string;
}

async function eventsOf({ url }: TestServer, subject: string): Promise<Recorded[]> {
  const { events } = (await (await fetch(`${url}/v1/events?subject=${subject}`)).json()) as { events: Recorded[] };
  return events;
}

/** The killswitch is made before its message is written into it, and may be seen in between. */
const isWhole = ({ after }: Recorded): boolean => after !== JSON.stringify(['', null, []]);

describe('while the server runs, a command in another process', () => {
  test('makes a tag that the server serves within seconds', async () => {
    const laid = await layBase();
    const { base, hour, commit } = laid;
    const server = await serverOn(laid);
    expect((await ask(server, HOSTS.qa)).gets).toBe('hold no-tag-old-enough');
    expect(await run(base, 'snapshot', '--hour', digits(hour - 1), '--commit', commit)).toContain('is made');
    await until('the tag to be served', async () => (await ask(server, HOSTS.qa)).tag === tagNameOf(hour - 1));
    expect(await eventsOf(server, tagNameOf(hour - 1))).toMatchObject([{ kind: 'tag-created', by: me }]);
  });

  test('marks, pins, stops and resumes; each is recorded once as the doing of whoever ran it, also where the server saw it first', async () => {
    const laid = await layBase();
    const { base, hour } = laid;
    const server = await serverOn(laid);
    const tag = tagNameOf(hour);
    await run(base, 'mark', tag, 'bad', '--reason', 'broke ntp');
    await until('the mark to count', async () => (await ask(server, HOSTS.dev)).gets === 'hold no-acceptable-tag');
    await run(base, 'pin', HOSTS.prod, tag);
    await run(base, 'kill', '--message', 'stop');
    await until('the killswitch to be seen', async () => (await ask(server, HOSTS.qa)).gets === 'killswitch');
    await run(base, 'resume');
    server.settle();
    await until('the pin to count', async () => (await ask(server, HOSTS.prod)).tag === tag);
    for (const [file, count] of [
      ['tagstate', 1],
      ['pins', 1],
      ['killswitch', 2],
    ] as const) {
      const said = async () => (await eventsOf(server, file)).filter(({ from }) => from === 'command line');
      const who = async () => (await said()).filter(isWhole).map(({ by }) => by);
      await expect.poll(who, { timeout: 10_000 }).toEqual(Array(count).fill(me));
    }
  });
});

const notRoot = process.getuid?.() === 0 ? '' : ' (skipped: only root can give files to somebody else)';

test.skipIf(notRoot !== '')(
  `commands that root runs leave nothing of root's in a state directory that belongs to the server's user, who goes on as before${notRoot}`,
  async () => {
    const { base, hour, commit } = await layBase();
    await writeFile(join(base, 'tagstate'), '# none\n');
    await mkdir(join(base, 'var'));
    await execa('chown', ['-R', `${NOBODY}:${NOBODY}`, base]);
    const strangers = async () => (await execa('find', [join(base, 'var'), '!', '-user', String(NOBODY)])).stdout;
    const tag = tagNameOf(hour - 1);
    const looks = [['status'], ['events'], ['explain', HOSTS.prod], ['preview', '--mark', `${tag}=bad`]];
    for (const some of [
      [['snapshot', '--backfill', '2']],
      [['mark', tag, 'bad'], ['pin', HOSTS.prod, tag], ['kill']],
      [['mark', tag, 'none'], ['unpin', HOSTS.prod], ['resume']],
      looks,
      [['init'], ['snapshot', '--hour', digits(hour - 3), '--commit', commit]],
    ]) {
      await Promise.all(some.map((args) => run(base, ...args)));
      expect([some.join(' and '), await strangers()]).toEqual([some.join(' and '), '']);
    }
    expect((await stat(join(base, 'tagstate'))).uid).toBe(NOBODY);
    expect(await readFile(join(base, 'tagstate'), 'utf8')).toContain('# none\n');
    const asServer = { uid: NOBODY, env: SETTLE };
    expect(
      await runCommand(['snapshot', '--base', base, '--hour', digits(hour - 4), '--commit', commit], asServer),
    ).toMatchObject({
      code: 0,
      stderr: '',
    });
  },
);
