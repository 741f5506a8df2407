// `npm run demo`: the 08:00–11:00 story, hour by hour, with real git, real HTTP and real client runs; only the clock is moved.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { simpleGit } from 'simple-git';
import { textTable as table } from '../server/cli/table.ts';
import { compose } from '../server/compose.ts';
import { backfill, tagCurrentHour } from '../server/operations/snapshot.ts';
import type { Log } from '../server/ports/common.ts';
import { startServer } from '../server/serve.ts';
import { movableClock } from '../test/rig/clock.ts';

const CLIENT = join(dirname(fileURLToPath(import.meta.url)), 'tagwave.cjs');
const DAY = '2026-11-20';
const HOSTS = [
  { wave: 'development', hours: 0, host: 'app1.dev.example.com' },
  { wave: 'qa', hours: 1, host: 'app1.qa.example.com' },
  { wave: 'staging', hours: 2, host: 'app1.stg.example.com' },
  { wave: 'production', hours: 3, host: 'app1.east.example.com' },
  { wave: 'production', hours: 4, host: 'app1.example.com' },
] as const;
const CONTROL_FILES = {
  'nodes.yml':
    '"*.dev.example.com": [dev]\n"*.qa.example.com": [qa]\n"*.stg.example.com": [stg]\n"*.east.example.com": [prod-east]\n',
  'schedule.yml': `waves:
  - { environment: development, groups: [dev], hours: 0 }
  - { environment: qa, groups: [qa], hours: 1 }
  - { environment: staging, groups: [stg], hours: 2 }
  - { environment: production, groups: [prod-east], hours: 3 }
  - { environment: production, default: true, hours: 4 }
`,
};
const BAD = ['0800', '0900', '1000'].map((time) => `etchautotag-${DAY.replaceAll('-', '')}-${time}`);
const quiet: Log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

const work = await mkdtemp(join(tmpdir(), 'tagwave-demo-'));
try {
  await story();
} finally {
  await rm(work, { recursive: true, force: true });
}

async function story(): Promise<void> {
  const base = join(work, 'base');
  const trunk = join(base, 'trunk');
  await simpleGit().init(['--initial-branch', 'main', trunk]);
  for (const [name, text] of Object.entries(CONTROL_FILES)) await writeFile(join(base, name), text);
  await commit(trunk, { at: '02:30', subject: 'Keep time with our own servers', ntp: 'server time1.example.com\n' });

  const clock = movableClock(`${DAY}T07:10:00Z`);
  const env = { TAGWAVE_LISTEN: '127.0.0.1:0', TAGWAVE_HTTP_LOCAL_CHANGES: 'true', TAGWAVE_SETTLE_SECONDS: '0.1' };
  const composed = await compose({ base, env, flags: {}, role: 'server', log: quiet, clock });
  if (!composed.ok) throw new Error('the demonstration cannot be set up');
  const { context } = composed.app;
  await settled(() => context.desk.look().kind === 'ready');
  await backfill(context, 5, { by: 'demo', from: null });
  const started = await startServer(composed.app);
  if (!started.ok) throw new Error(started.sentence);
  const { url, stop } = started.value;

  say('A bad change is committed at 07:50 and is in the 08:00 tag. It is noticed at 10:15 and fixed in the 11:00 tag.');
  say('What each environment has a quarter past the hour, as real clients got it from a real server:\n');
  const passTo = async (time: string): Promise<void> => {
    clock.advance(Date.parse(`${DAY}T${time}Z`) - clock.now());
    context.time.check();
  };
  const rows: string[][] = [];
  const hours = Array.from({ length: 9 }, (_, index) => 7 + index);
  for (const hour of hours) {
    if (hour === 8)
      await commit(trunk, { at: '07:50', subject: 'Change the time servers', ntp: 'server no-such-server\n' });
    if (hour === 11)
      await commit(trunk, { at: '10:40', subject: 'Correct the time servers', ntp: 'server time2.example.com\n' });
    await passTo(`${two(hour)}:00:05`);
    await tagCurrentHour(context);
    await passTo(`${two(hour)}:15:00`);
    rows.push(await poll(url, hour, ''));
    if (hour !== 10) continue;
    for (const tag of BAD) await mark(url, tag);
    rows.push(await poll(url, hour, 'after "mark bad"'));
  }
  say(table(['time', ...HOSTS.map(({ wave, hours: lag }) => `${wave} +${lag}h`), ''], rows));
  say(
    '\n! = the bad change was active there. Production never had it: 08:00, 09:00 and 10:00 were marked bad before their hours came.',
  );
  await stop();
}

/** Every host runs its client once; answers the table's row. */
async function poll(url: string, hour: number, remark: string): Promise<string[]> {
  const cells = await Promise.all(
    HOSTS.map(async ({ host }) => {
      const target = join(work, 'hosts', host);
      const run = await execa(
        process.execPath,
        [CLIENT, 'poll', '--server', url, '--hostname', host, '--target', target, '--json'],
        { reject: false },
      );
      const tag = /etchautotag-\d{8}-(\d{2})00/.exec(run.stdout)?.[1];
      const ntp = await readFile(join(target, 'current', 'etc', 'ntp.conf'), 'utf8').catch(() => '');
      return `${tag === undefined ? run.stdout || run.stderr : `${tag}:00`}${ntp.includes('no-such-server') ? ' !' : ''}`;
    }),
  );
  return [`${two(hour)}:15`, ...cells, remark];
}

async function mark(url: string, tag: string): Promise<void> {
  const answer = await fetch(`${url}/v1/tags/${tag}/mark`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ state: 'bad', reason: 'broke ntp' }),
  });
  if (!answer.ok) throw new Error(`${tag} could not be marked: ${await answer.text()}`);
}

interface Change {
  readonly at: string;
  readonly subject: string;
  readonly ntp: string;
}

async function commit(trunk: string, { at, subject, ntp }: Change): Promise<void> {
  const { PATH, HOME } = process.env;
  const date = `${DAY}T${at}:00Z`;
  const dates = { GIT_AUTHOR_DATE: date, GIT_COMMITTER_DATE: date };
  const git = simpleGit({
    baseDir: trunk,
    allowEnvironment: Object.keys(dates),
    config: ['user.name=Demo', 'user.email=demo@example.com'],
  }).env({ PATH, HOME, ...dates });
  await execa('mkdir', ['-p', join(trunk, 'etc')]);
  await writeFile(join(trunk, 'etc', 'ntp.conf'), ntp);
  await git.add('.');
  await git.commit(subject);
}

async function settled(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 20));
}

function two(hour: number): string {
  return String(hour).padStart(2, '0');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}
