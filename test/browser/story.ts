import { fetchSource } from '../../server/operations/fetch.ts';
import type { Files } from '../rig/git.ts';
import { type Fleet, fleet } from './fleet.ts';

const HOUR_MS = 3_600_000;
const FIRST = Date.parse('2026-11-17T12:01:00Z');
const LAST = Date.parse('2026-11-20T07:01:00Z');

/** The tag of the story that breaks things. */
export const BAD = 'etchautotag-20261120-0800';
/** When somebody looks. */
export const NOW = '2026-11-20T08:20:00Z';

interface Step {
  /** After so many hours. */
  readonly hour: number;
  readonly author: string;
  readonly message: string;
  readonly files: Files;
}

const [ADA, GRACE, LINUS, MARGARET] = [
  'Ada Byron <ada@example.org>',
  'Grace Moor <grace@example.org>',
  'Linus Berg <linus@example.org>',
  'Margaret Hill <margaret@example.org>',
];

const lines = (count: number, line: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => `${line(index + 1)}\n`).join('');
const servers = (line: string): string =>
  `driftfile /var/lib/ntp/drift\n${lines(3, (one) => line.replace('N', String(one)))}restrict default nomodify\n`;
const rules = (count: number): string => lines(count, (one) => `allow from 10.${one}.0.0/16`);

const STEPS: readonly Step[] = [
  { hour: 0, author: ADA, message: 'Keep time', files: { 'etc/ntp.conf': servers('server N.ntp.example.org iburst') } },
  { hour: 3, author: GRACE, message: 'Let the offices in', files: { 'etc/firewall.rules': rules(40) } },
  { hour: 9, author: LINUS, message: 'Welcome people', files: { 'etc/motd': 'This machine is looked after.\n' } },
  {
    hour: 20,
    author: MARGARET,
    message: 'Ask for two factors',
    files: { 'etc/pam.d/sshd': lines(12, (one) => `${one}`) },
  },
  { hour: 22, author: ADA, message: 'Let the new office in', files: { 'etc/firewall.rules': rules(41) } },
  {
    hour: 27,
    author: GRACE,
    message: 'Shorten sudo rules',
    files: { 'etc/sudoers.d/ops': lines(6, (one) => `${one} ALL`) },
  },
  {
    hour: 29,
    author: GRACE,
    message: 'Write sudo rules as visudo does',
    files: { 'etc/sudoers.d/ops': lines(8, () => 'ops') },
  },
  {
    hour: 45,
    author: LINUS,
    message: 'Rotate logs by size',
    files: { 'etc/logrotate.conf': lines(30, (one) => `${one}`) },
  },
  { hour: 48, author: MARGARET, message: 'Say whom to call', files: { 'etc/motd': 'Broken? Call 4711.\n' } },
  {
    hour: 52,
    author: ADA,
    message: 'Trust the new authority',
    files: { 'etc/ssl/ca.pem': lines(90, (one) => `line ${one}`) },
  },
  {
    hour: 57,
    author: LINUS,
    message: 'Keep logs for 30 days',
    files: { 'etc/logrotate.conf': lines(31, (one) => `${one}`) },
  },
  {
    hour: 61,
    author: GRACE,
    message: 'Resolve at the nearest',
    files: { 'etc/resolv.conf': lines(3, (one) => `10.0.0.${one}`) },
  },
  { hour: 65, author: MARGARET, message: 'Let the lab in', files: { 'etc/firewall.rules': rules(44) } },
];

const MARKS = [
  ['etchautotag-20261118-1600', 'badfwd', 'sudo rules are empty, INC-4702'],
  ['etchautotag-20261119-2100', 'bad', 'logs fill the disk, INC-4709'],
  ['etchautotag-20261120-0100', 'good', 'looked at by Ada'],
] as const;

/** Three days of a fleet, and a change that has just broken some of its first wave. */
export async function story(): Promise<Fleet> {
  const start = new Date(FIRST).toISOString();
  const train = await fleet({ now: start, counts: [24, 36, 48, 72, 250], hours: 1 });
  const { server, source, hosts } = train;
  for (let at = FIRST; at <= LAST; at += HOUR_MS) {
    const step = STEPS.find(({ hour }) => FIRST + hour * HOUR_MS === at);
    if (step !== undefined) {
      await source.commit(step.files, { ...step, at: new Date(at - 600_000).toISOString() });
      await fetchSource(server.app.context);
    }
    await server.passTo(new Date(at).toISOString());
  }
  for (const [tag, state, reason] of MARKS) await put(server.url, `v1/tags/${tag}/mark`, { state, reason });
  server.settle();
  await train.poll();
  await source.commit(
    { 'etc/ntp.conf': servers('pool N.ntp.example.org ibrust') },
    { at: '2026-11-20T07:55:00Z', message: 'Ask more time servers', author: GRACE },
  );
  await fetchSource(server.app.context);
  await server.passTo('2026-11-20T08:01:00Z');
  const failing = [1, 2, 4, 7, 8, 11, 12, 16, 17, 19].map((number) => `dev${number}.example.com`);
  await train.poll(hosts, failing);
  await server.passTo(NOW);
  await put(server.url, 'v1/nodes/east3.example.com/pin', {
    tag: 'etchautotag-20261120-0100',
    reason: 'measures disks',
  });
  server.settle();
  return train;
}

async function put(url: string, path: string, body: object): Promise<void> {
  const answer = await fetch(`${url}/${path}`, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
}
