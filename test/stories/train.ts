import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll } from 'vitest';
import { parseTagName, type TagName, tagNameOf } from '../../protocol/names.ts';
import { compose } from '../../server/compose.ts';
import { backfill } from '../../server/operations/snapshot.ts';
import { movableClock } from '../rig/clock.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type Files, gitEnvironment, writeFiles } from '../rig/git.ts';
import { serverAsNobody } from '../rig/nobody.ts';
import { discard } from '../rig/secrets.ts';
import { quiet, type TestServer, type TestServerOptions, testServer, writeSettled } from '../rig/server.ts';

/** The schedule that is shown everywhere, with production in two waves. */
export const SCHEDULE = `waves:
  - {environment: development, groups: [dev, int], hours: 0}
  - {environment: qa, groups: [qa], hours: 1}
  - {environment: staging, groups: [stg], hours: 2}
  - {environment: production, groups: [prod-east], hours: 3}
  - {environment: production, default: true, hours: 4}
`;

export const NODES = `"dev*.example.org": [dev]
"qa*.example.org": [qa]
"stg*.example.org": [stg]
"east*.example.org": [prod-east]
`;

/** One host of every wave, in the order in which tags reach them. */
export const HOSTS = {
  dev: 'dev1.example.org',
  qa: 'qa1.example.org',
  stg: 'stg1.example.org',
  east: 'east1.example.org',
  prod: 'web1.example.org',
} as const;
export type HostKey = keyof typeof HOSTS;
export const HOST_KEYS = Object.keys(HOSTS) as HostKey[];

export const BASE = { 'schedule.yml': SCHEDULE, 'nodes.yml': NODES };

/** An instant of the day of the story: `at('10:30')`. */
export function at(time: string): string {
  return `2026-11-20T${time}:00Z`;
}

/** The tag of an hour of that day. */
export function tagAt(hour: number): TagName {
  return tagNameOf(Date.parse(at('00:00')) / 3_600_000 + hour);
}

/** `07` for the 07:00 tag; anything else as it is. */
export function short(tag: string): string {
  return parseTagName(tag) === undefined ? tag : tag.slice(-4, -2);
}

/** What the repository holds when an hour's tag is made, unless the test commits something else. */
export function contentAt(hour: number): Record<string, string> {
  return { 'etc/release': `hour ${hour}\n`, 'etc/ntp.conf': 'server ntp.example.org\n' };
}

export interface Train extends TestServer {
  /** Commits to the configuration branch. */
  commit(files: Files, message?: string): Promise<void>;
  /** Stops the server and starts it again on the same base. */
  restart(): Promise<Train>;
}

export interface TrainOptions extends Partial<Omit<TestServerOptions, 'base' | 'clock'>> {
  /** The last of the seven hours that have their tags. */
  readonly lastHour?: number;
}

/** A server at 10:30, with a repository and the tags of 04:00 to 10:00. */
export async function train(options: TrainOptions = {}): Promise<Train> {
  const { root, ...laid } = await layBase(options);
  return start(root, laid);
}

/** The same in a process of its own, as a user for whom permissions count. `settleSeconds` are real ones. */
export async function trainAsNobody(options: TrainOptions & { readonly settleSeconds: number }) {
  const { root, base, now, files, env } = await layBase(options);
  for (const [name, text] of Object.entries(files)) await writeSettled(join(base, name), text);
  const settle = { TAGWAVE_SETTLE_SECONDS: String(options.settleSeconds) };
  const start = () => serverAsNobody({ root, base, now, env: { ...env, ...settle } });
  return { base, start };
}

async function layBase({ lastHour = 10, now = at('10:30'), files = BASE, env = {} }: TrainOptions) {
  const root = await disposableDirectory();
  const made = prepared.get(lastHour) ?? prepare(lastHour);
  prepared.set(lastHour, made);
  await execa('cp', ['-a', `${await made}/.`, root]);
  const repo = { TAGWAVE_REPO_URL: join(root, 'config'), TAGWAVE_REPO_BRANCH: 'main' };
  return { root, base: join(root, 'base'), now, files, env: { ...repo, ...env } };
}

async function start(root: string, options: TestServerOptions): Promise<Train> {
  const server = await testServer(options);
  return {
    ...server,
    commit: (files, message) =>
      commit(join(root, 'config'), { files, message, at: new Date(server.clock.now()).toISOString() }),
    async restart() {
      await server.stop();
      const { files: _files, ...rest } = options;
      return start(root, { ...rest, clock: server.clock });
    },
  };
}

const prepared = new Map<number, Promise<string>>();
afterAll(async () => {
  for (const root of prepared.values()) discard(await root);
  prepared.clear();
});

/** How many hours have their tags. */
const TAGS = 7;

/** What every server here begins with is made once, because git takes its time. */
async function prepare(lastHour: number): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  const [base, config] = [join(root, 'base'), join(root, 'config')];
  await mkdir(base);
  await mkdir(config);
  await git(config, ['init', '--quiet', '--template=', '--initial-branch=main']);
  const hours = Array.from({ length: TAGS }, (_, index) => lastHour - TAGS + 1 + index);
  await git(config, ['fast-import', '--quiet'], { input: hours.map(importedCommit).join('') });
  await git(config, ['reset', '--quiet', '--hard']);
  const clock = movableClock(at(`${String(lastHour).padStart(2, '0')}:00`));
  const env = { TAGWAVE_REPO_URL: config, TAGWAVE_REPO_BRANCH: 'main' };
  const composed = await compose({ base, env, flags: {}, role: 'server', log: quiet, clock });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  const filled = await backfill(composed.app.context, TAGS - 1, { by: 'test', from: null });
  if (filled.kind !== 'done') throw new Error(filled.sentence);
  await composed.app.close();
  // As on a first start: no control file was ever seen.
  await rm(join(base, 'var', 'marks-in-effect.json'), { force: true });
  return root;
}

interface Committing {
  readonly files: Files;
  readonly message?: string | undefined;
  readonly at: string;
}

async function commit(directory: string, { files, message = 'Change', at }: Committing): Promise<void> {
  await writeFiles(directory, files);
  await git(directory, ['add', '--all', '--force']);
  await git(directory, ['commit', '--quiet', '--allow-empty', `--message=${message}`], { at });
}

/** One commit for git's `fast-import`, half an hour before its hour. */
function importedCommit(hour: number): string {
  const seconds = Date.parse(at('00:00')) / 1000 + (hour - 0.5) * 3600;
  const files = Object.entries(contentAt(hour)).map(([path, content]) => `M 100644 inline ${path}\n${data(content)}`);
  const head = `commit refs/heads/main\ncommitter Ada <ada@example.org> ${seconds} +0000\n`;
  return `${head}${data(`Change for ${hour}:00`)}${files.join('')}\n`;
}

function data(content: string): string {
  return `data ${Buffer.byteLength(content)}\n${content}\n`;
}

async function git(cwd: string, args: readonly string[], { at = '', input = '' } = {}): Promise<void> {
  await execa('git', args, { cwd, env: gitEnvironment(at || undefined), input });
}
