import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hook, HookCommand, HooksFile, Probe } from '../../protocol/hooks.ts';
import { comparePaths } from '../../protocol/manifest.ts';
import type { Digest, TagName } from '../../protocol/names.ts';
import { type HookEnd, type HookRun, runHook } from '../adapters/hook-runner.ts';
import { readHooks } from '../adapters/hooks-file.ts';
import { TEMPORARY } from '../adapters/publish.ts';
import { readManifest } from '../adapters/releases.ts';
import { differenceOf } from '../core/difference.ts';
import type { Failure } from '../core/failure.ts';
import type { ChangedPaths } from '../core/hook-plan.ts';
import type { ReleaseOnDisk } from '../core/place.ts';
import type { PlannedRun } from '../core/state.ts';
import { indented } from '../terminal.ts';
import type { Run } from './converge.ts';

/** The change that hooks are about. */
export interface Scene {
  readonly tag: TagName | 'trunk' | null;
  readonly digest: Digest | null;
  /** Undefined: nothing is to be in use. */
  readonly release: ReleaseOnDisk | undefined;
  /** What is left. */
  readonly previous: ReleaseOnDisk | undefined;
  readonly paths: ChangedPaths;
  readonly hooks: HooksFile;
  /** Of the release that is left. */
  readonly oldHooks: HooksFile;
}

export type HookKind = 'stage' | 'test' | 'run' | 'verify' | 'clean';

const NO_HOOKS: HooksFile = { hooks: [], verify: [] };
const TIMEOUT_SECONDS = 60;

/** A release and its manifest; undefined where one of them is gone. */
export function releaseOnDisk({ layout }: Pick<Run, 'layout'>, name: string): ReleaseOnDisk | undefined {
  const manifest = readManifest(layout, name);
  return manifest && { name, directory: join(layout.releases, name), ...manifest };
}

/** What changes between two releases; of one that is not known, everything. */
export function pathsBetween(from: ReleaseOnDisk | undefined, to: ReleaseOnDisk | undefined): ChangedPaths {
  const { added, changed, removed } = differenceOf(from?.entries ?? [], to?.entries ?? []);
  return { all: [...added, ...changed, ...removed].sort(comparePaths), removed };
}

export type SetScene =
  | { readonly kind: 'set'; readonly scene: Scene }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Reads the hooks of both releases. Those of the new one must be understood; those of the release that is left only tell
 * whom else its going concerns, and nobody is stopped by them.
 */
export async function setScene(
  scene: Pick<Scene, 'tag' | 'digest' | 'release' | 'previous'>,
  paths = pathsBetween(scene.previous, scene.release),
): Promise<SetScene> {
  const { release, previous } = scene;
  const read = release === undefined ? undefined : await readHooks(release);
  if (read?.kind === 'failed') return read;
  const old = previous === undefined ? undefined : await readHooks(previous);
  const oldHooks = old?.kind === 'read' ? old.hooks : NO_HOOKS;
  return { kind: 'set', scene: { ...scene, paths, hooks: read?.hooks ?? NO_HOOKS, oldHooks } };
}

/** What is to be run after the activation. Whoever has no hooks need not load what matches globs. */
export async function planOf({ hooks, oldHooks, paths }: Scene): Promise<PlannedRun[]> {
  if (hooks.hooks.length + oldHooks.hooks.length === 0) return [];
  const { planRuns } = await import('../core/hook-plan.ts');
  return planRuns(hooks, oldHooks, paths);
}

/** The hooks that are for this change. */
export async function matchingHooks({ hooks, paths }: Scene): Promise<{ hook: Hook; index: number }[]> {
  if (hooks.hooks.length === 0) return [];
  const { matching } = await import('../core/hook-plan.ts');
  return matching(hooks.hooks, paths.all);
}

/** Runs the `stage` and then the `test` commands, up to the first that fails. */
export async function prepareRelease(
  run: Run,
  scene: Scene,
): Promise<{ readonly kind: 'stage' | 'test'; readonly failure: Failure; readonly index: number } | undefined> {
  const hooks = await matchingHooks(scene);
  for (const kind of ['stage', 'test'] as const) {
    for (const { hook, index } of hooks) {
      const command = hook[kind];
      if (command === undefined) continue;
      const failure = await runCommand(run, scene, { kind, hook, index, command });
      if (failure !== undefined) return { kind, failure, index };
    }
  }
  return undefined;
}

/** Runs one command that was planned. A plan of another release's hooks has nothing to run any more. */
export async function runPlanned(run: Run, scene: Scene, { of, index }: PlannedRun): Promise<Failure | undefined> {
  const hook = (of === 'new' ? scene.hooks : scene.oldHooks).hooks[index];
  if (hook?.run === undefined) return undefined;
  return runCommand(run, scene, { kind: 'run', hook, index, command: hook.run, of });
}

/** Asks the probes of the hooks that were for this change, then those of the release. Answers the first that fails. */
export async function verifyRelease(run: Run, scene: Scene): Promise<Failure | undefined> {
  const ofHooks = (await matchingHooks(scene)).flatMap(({ hook }) => hook.verify ?? []);
  const probes = [...ofHooks, ...scene.hooks.verify];
  if (probes.length === 0) return undefined;
  const { askProbe } = await import('../adapters/probe.ts');
  for (const probe of probes) {
    run.terminal.detail(`verify: ${nameOfProbe(probe)}`);
    const end = await withContext(run, { scene, kind: 'verify' }, (context) => askProbe(probe, context));
    const failure = failureOf(run, `verify (${nameOfProbe(probe)})`, end);
    if (failure !== undefined) return failure;
  }
  return undefined;
}

export interface OneCommand {
  readonly kind: Exclude<HookKind, 'verify'>;
  readonly hook: Hook;
  readonly index: number;
  readonly command: HookCommand;
  readonly of?: PlannedRun['of'];
}

export async function runCommand(
  run: Run,
  scene: Scene,
  { kind, hook, index, command, of = 'new' }: OneCommand,
): Promise<Failure | undefined> {
  const number = `${kind} hook ${index + 1}${of === 'old' ? ' of the release before' : ''}`;
  run.terminal.detail(`${number}: ${textOf(command)}`);
  const timeoutMs = (hook.timeout_seconds ?? TIMEOUT_SECONDS) * 1000;
  const end = await withContext(run, { scene, kind }, (context) => runHook({ ...context, command, timeoutMs }));
  return failureOf(run, `${number} (${textOf(command)})`, end);
}

const HINT = 'Correct it in the repository, or what it meets on this host.';

function failureOf({ terminal }: Run, name: string, end: HookEnd): Failure | undefined {
  if (end.kind === 'failed')
    return {
      sentence: `${name} ${end.why}`,
      hint: end.output === '' ? HINT : `Its output tells more. ${HINT}`,
      output: end.output,
    };
  if (end.output !== '') terminal.detail(`    ${indented(end.output)}`);
  return undefined;
}

type Context = Omit<HookRun, 'command' | 'timeoutMs'>;

/** Gives a hook its surroundings: variables, directory, and the list of what changed. */
async function withContext(
  { layout, place, hostname, servers }: Run,
  { scene, kind }: { readonly scene: Scene; readonly kind: HookKind },
  act: (context: Context) => Promise<HookEnd>,
): Promise<HookEnd> {
  const changed = join(layout.root, `${TEMPORARY}changed`);
  // A line is a path; one that has line ends is written so that it cannot be taken for two.
  writeFileSync(changed, scene.paths.all.map((path) => `${path.replaceAll('\n', '\\n')}\n`).join(''), { mode: 0o644 });
  const env = {
    PATH: searchPath(process.env['PATH']),
    TAGWAVE_HOOK: kind,
    TAGWAVE_TAG: scene.tag ?? '',
    TAGWAVE_DIGEST: scene.digest ?? '',
    TAGWAVE_RELEASE: scene.release?.directory ?? '',
    TAGWAVE_PREVIOUS: scene.previous?.directory ?? '',
    TAGWAVE_CHANGED: changed,
    TAGWAVE_HOSTNAME: hostname,
    ...(place.root === undefined ? {} : { TAGWAVE_ROOT: place.root }),
  };
  const cwd = scene.release?.directory ?? layout.root;
  try {
    return await act({ cwd, env, signal: servers.signal, note: layout.hook });
  } finally {
    rmSync(changed, { force: true });
  }
}

const USUAL = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/** Cron's own path lacks the directories of system commands: a hook must find by night what it finds by hand. */
function searchPath(given = ''): string {
  const folders = given.split(':').filter((folder) => folder !== '');
  return [...folders, ...USUAL.filter((folder) => !folders.includes(folder))].join(':');
}

const SHOWN = 120;

function textOf(command: HookCommand): string {
  const text = typeof command === 'string' ? command : command.join(' ');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}

function nameOfProbe({ command, http, tcp }: Probe): string {
  return command === undefined ? (http ?? `tcp ${tcp}`) : textOf(command);
}
