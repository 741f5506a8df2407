import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type HooksFile, hooksBytes } from '../../protocol/hooks.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { currentTree, type Ended, pollArgs, runClient, type Started, startClient, treeOf } from './run-client.ts';
import { type Files, serveView, type TestView, type ViewServer, viewOf } from './serve-view.ts';

export type Mode = 'releases' | 'root';
export const MODES: readonly Mode[] = ['releases', 'root'];

export type Hooks = Partial<HooksFile>;

export interface HookHost {
  readonly server: ViewServer;
  readonly target: string;
  /** For hooks to write to and to look at: outside of everything that Tagwave has. */
  readonly beside: string;
  /** From now on a host is told this. */
  serve(files: Files, hooks?: Hooks, tag?: string): Promise<TestView>;
  poll(...flags: readonly string[]): Promise<Ended>;
  /** The same as a process of its own. */
  start(...flags: readonly string[]): Promise<Started>;
  startWith(env: Readonly<Record<string, string>>): Promise<Started>;
  /** Another command on the same target. */
  command(name: string, ...flags: readonly string[]): Promise<Ended>;
  /** What is in use, without the hooks. */
  tree(): Promise<Record<string, string> | undefined>;
  /** What hooks wrote to `log`. */
  lines(): string[];
  state(): Promise<Record<string, unknown>>;
  /** State that was told long ago. */
  age(hours: number): Promise<void>;
}

/** A hook command that notes what it is and does nothing. */
export function say(beside: string, words: string): string {
  return `echo "${words}" >> ${beside}/log`;
}

export async function hookHost(mode: Mode = 'releases', below?: string): Promise<HookHost> {
  const directory = below ?? (await disposableDirectory());
  const [target, root, beside] = ['target', 'root', 'beside'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  for (const folder of [root, beside]) mkdirSync(folder, { recursive: true });
  const server = await serveView(await viewOf({}));
  const more = mode === 'root' ? ['--root', root] : [];
  const disable = ['--disable-file', join(beside, 'disable')];
  const args = (flags: readonly string[]) => pollArgs(server, target, ...more, ...disable, ...flags);
  return {
    server,
    target,
    beside,
    async serve(files, hooks, tag) {
      const view = await viewWith(files, hooks);
      server.answer = () => ({ serve: view, ...(tag === undefined ? {} : { tag }) });
      return view;
    },
    poll: (...flags) => runClient(args(flags)),
    start: (...flags) => startClient(args(flags)),
    startWith: (env) => startClient(args([]), { env }),
    command: (name, ...flags) =>
      runClient([
        name,
        ...(name === 'status' ? disable : ['--hostname', 'web1']),
        '--target',
        target,
        ...(name === 'resume' ? [] : more),
        ...flags,
      ]),
    async tree() {
      const tree = mode === 'root' ? await treeOf(root) : await currentTree(target);
      return tree && Object.fromEntries(Object.entries(tree).filter(([path]) => path !== '.tagwave/hooks.json'));
    },
    lines() {
      const log = join(beside, 'log');
      return existsSync(log) ? readFileSync(log, 'utf8').trimEnd().split('\n') : [];
    },
    state: async () => JSON.parse(await readFile(join(target, 'state.json'), 'utf8')) as Record<string, unknown>,
    async age(hours) {
      const file = join(target, 'state.json');
      const text = await readFile(file, 'utf8');
      const state = JSON.parse(text) as { told: { at: string } | null };
      if (state.told !== null) state.told.at = new Date(Date.now() - hours * 3_600_000).toISOString();
      await writeFile(file, JSON.stringify(state));
    },
  };
}

export function viewWith(files: Files, { hooks = [], verify = [] }: Hooks = {}): Promise<TestView> {
  const isBare = hooks.length + verify.length === 0;
  return viewOf(isBare ? files : { ...files, '.tagwave/hooks.json': hooksBytes({ hooks, verify }) });
}

/** As a release is named. */
export function nameOf(view: TestView): string {
  return view.digest.slice('sha256:'.length, 'sha256:'.length + 16);
}
