import { cp, mkdtemp, readdir, readFile, utimes } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll } from 'vitest';
import { type Digest, floorHour, type Hostname, startOf, type TagName, tagNameOf } from '../../protocol/names.ts';
import { openRepository } from '../../server/adapters/git/repository.ts';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import type { Told } from '../../server/ports/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type Files, gitEnvironment, writeFiles } from '../rig/git.ts';
import { recordOf, unwrap } from '../rig/records.ts';
import { discard } from '../rig/secrets.ts';
import { type Ended, type RunOptions, runCommand } from '../rig/server-process.ts';

const HOUR_MS = 3_600_000;

/** A base as it stands in the middle of a working day, in a directory of its own. */
export interface TestBase {
  /** The base and the repository stand in it. */
  readonly root: string;
  readonly base: string;
  readonly source: string;
  run(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** Runs a command with --json: its exit code, and the one object that it printed. */
  json(args: readonly string[], options?: RunOptions): Promise<{ code: number | null; value: Json }>;
  read(file: string): Promise<string>;
  write(files: Files): Promise<void>;
}

export type Json = Readonly<Record<string, unknown>>;

const start = floorHour(Date.now());

/**
 * The tags that every base has, oldest first: of five hours a day ago, and none since. So every wave is due the newest of
 * them, and goes on being due it when an hour ends in the middle of a test.
 */
export const TAGS: readonly TagName[] = [26, 25, 24, 23, 22].map((ago) => tagNameOf(start - ago));
export const [OLDEST, , , BEFORE, NEWEST] = TAGS as unknown as [TagName, TagName, TagName, TagName, TagName];

export const HOSTS = {
  dev: 'dev1.example.com',
  web: 'web1.example.com',
  pinned: 'pinned.example.com',
  silent: 'silent.example.com',
} as const;

const FILES: Files = {
  'server.yml': 'repo: {url: ../config, branch: main}\n',
  'schedule.yml': `waves:
  - {environment: development, groups: [dev], hours: 0}
  - {environment: production, default: true, hours: 4}
`,
  'nodes.yml': '"dev*.example.com": [dev]\n',
  tagstate: '# marks\n',
  pins: `${HOSTS.pinned} ${NEWEST} comparing\n`,
};

let template: string | undefined;

/** Makes what all bases of a test file begin with once, because git takes its time. */
export function useBases(): void {
  beforeAll(async () => {
    template = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
    await prepare(template);
  });
  afterAll(async () => {
    if (template !== undefined) discard(template);
  });
}

/** A base of its own for one test. `files` are added to it, or replace what is there. */
export async function testBase(files: Files = {}): Promise<TestBase> {
  if (template === undefined) throw new Error('useBases() comes first');
  const root = await disposableDirectory();
  await cp(template, root, { recursive: true, preserveTimestamps: true });
  const base = join(root, 'base');
  await writeFiles(base, files);
  await settled(base);
  const run: TestBase['run'] = (args, options) => runCommand([...args, '--base', base], options);
  return {
    root,
    base,
    source: join(root, 'config'),
    run,
    async json(args, options) {
      const { code, stdout } = await run([...args, '--json'], options);
      return { code, value: objectIn(stdout) };
    },
    read: (file) => readFile(join(base, file), 'utf8'),
    write: (changed) => writeFiles(base, changed),
  };
}

/** Fails unless this is one line with one JSON object. */
export function objectIn(stdout: string): Json {
  if (!/^\{[^\n]*\}\n$/.test(stdout)) throw new Error(`expected one object on one line, got ${JSON.stringify(stdout)}`);
  return JSON.parse(stdout) as Json;
}

/** As files look that nobody has touched for a minute. */
export async function settled(base: string): Promise<void> {
  const then = new Date(Date.now() - 60_000);
  for (const file of await readdir(base, { withFileTypes: true }))
    if (file.isFile()) await utimes(join(base, file.name), then, then);
}

async function prepare(root: string): Promise<void> {
  await writeFiles(join(root, 'base'), FILES);
  const commits = await makeSource(join(root, 'config'));
  const stateDir = join(root, 'base/var');
  const repository = openRepository({
    stateDir,
    source: { kind: 'url', url: join(root, 'config'), branch: 'main' },
    submodules: 'refuse',
    fetchTimeoutSeconds: 30,
    requireFastForward: false,
  });
  await repository.prepare();
  // An hour before the current one began: whenever in the hour a tag is made from it, it is stale.
  unwrap(await repository.fetch(startOf(start) - HOUR_MS));
  for (const [index, tag] of TAGS.entries()) {
    const commit = await repository.commit(commits[index] ?? '');
    if (commit === undefined) throw new Error('the commit was not fetched');
    const { id, tree, subject } = commit;
    await repository.createTag(recordOf({ id, tree }, hourIn(tag), { origin: 'cron', subject }));
  }
  await makeFleet(stateDir);
}

function hourIn(tag: TagName): string {
  const [, year, month, day, hour] = /(\d{4})(\d\d)(\d\d)-(\d\d)/.exec(tag) ?? [];
  return `${year}-${month}-${day}T${hour}`;
}

async function makeSource(directory: string): Promise<string[]> {
  await execa('git', ['init', '--quiet', '--initial-branch=main', directory], { env: gitEnvironment() });
  const commits: string[] = [];
  for (const [index, tag] of TAGS.entries()) {
    await writeFiles(directory, { 'etc/motd': `hello ${index}\n` });
    const git = (...args: string[]) =>
      execa('git', args, { cwd: directory, env: gitEnvironment(`${hourIn(tag)}:00:00Z`) });
    await git('add', '--all');
    await git('commit', '--quiet', `--message=Change number ${index}`);
    commits.push((await git('rev-parse', 'HEAD')).stdout);
  }
  return commits;
}

/** Four nodes that have been told the newest tag; one of them has been silent for hours. */
async function makeFleet(stateDir: string): Promise<void> {
  const store = await openStore(join(stateDir, 'history.sqlite'));
  const polls = Object.entries(HOSTS).map(([kind, hostname]) => {
    const at = Date.now() - (kind === 'silent' ? 5 * HOUR_MS : 60_000);
    return { hostname: hostname as Hostname, at, running: null, told: toldTo(hostname as Hostname, at) };
  });
  await store.recordPolls(polls);
  await store.close();
}

function toldTo(hostname: Hostname, at: number): Told {
  const isDev = hostname.startsWith('dev');
  return {
    at,
    environment: isDev ? 'development' : 'production',
    wave: isDev ? 'development+0h' : 'production+4h',
    groups: isDev ? ['dev'] : [],
    outcome: 'serve',
    tag: NEWEST,
    digest: `sha256:${'0'.repeat(64)}` as Digest,
    hold: null,
    message: null,
    reasons: ['as prepared'],
  };
}
