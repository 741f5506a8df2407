import { randomBytes } from 'node:crypto';
import { accessSync, chownSync, constants, existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { openClientBuild } from './adapters/client-build.ts';
import { openCredentials } from './adapters/credentials/credentials.ts';
import { watchControlFiles } from './adapters/files/control-files.ts';
import { openEditor } from './adapters/files/editor.ts';
import { reasonOf } from './adapters/files/failure.ts';
import { tightenState, userProblems, workAsOwnerOf } from './adapters/files/privileges.ts';
import { secretProblems } from './adapters/files/secret-problems.ts';
import { stateFiles, stateFilesForReading } from './adapters/files/state-files.ts';
import { openRepository } from './adapters/git/repository.ts';
import { NO_METRICS } from './adapters/no-metrics.ts';
import { openCourier } from './adapters/notify/courier.ts';
import { openOutbox } from './adapters/notify/outbox.ts';
import { openPageBuild } from './adapters/page-build.ts';
import { openPrograms } from './adapters/programs/programs.ts';
import { openStoreApart } from './adapters/sqlite/apart.ts';
import { openStore, openStoreForReading } from './adapters/sqlite/store.ts';
import { systemClock } from './adapters/system-clock.ts';
import { openThread } from './adapters/thread.ts';
import { openTlsFiles } from './adapters/tls/tls-files.ts';
import { unavailableStore } from './adapters/unavailable-store.ts';
import { openViewsApart } from './adapters/views/apart.ts';
import type { Limits } from './adapters/views/limits.ts';
import { openViews } from './adapters/views/views.ts';
import type { FileError, Problem } from './core/problem.ts';
import { oneLine } from './core/wording.ts';
import { openChanges } from './operations/changes.ts';
import type { Context } from './operations/context.ts';
import { type Desk, openDesk } from './operations/desk.ts';
import { openExperience } from './operations/experience.ts';
import { openFailureSpikes } from './operations/failure-spikes.ts';
import { openFleet } from './operations/fleet.ts';
import { openHalts } from './operations/halt.ts';
import type { ControlChange } from './operations/held.ts';
import { openJournal } from './operations/journal.ts';
import { openLive } from './operations/live.ts';
import { openLoginAttempts } from './operations/login-attempts.ts';
import { noteChange } from './operations/note-change.ts';
import { openProblems } from './operations/problems.ts';
import { raisedProblems } from './operations/raised-problems.ts';
import { refreshShelf } from './operations/refresh-shelf.ts';
import { openRefusals } from './operations/refusals.ts';
import { openShelf } from './operations/shelf.ts';
import { openSizes } from './operations/sizes.ts';
import { openStanding } from './operations/standing.ts';
import { historyProblem, stateProblem } from './operations/state-problems.ts';
import { openTimekeeper } from './operations/timekeeper.ts';
import { openWaveArrivals } from './operations/wave-arrivals.ts';
import { openLocator } from './operations/whereabouts.ts';
import type { Clock, Log } from './ports/common.ts';
import { UnfitContent, type Views } from './ports/content.ts';
import type { Metrics } from './ports/metrics.ts';
import type { IdentityProvider } from './ports/people.ts';
import type { Store } from './ports/store.ts';
import { bootSettings } from './settings/boot.ts';
import type { SettingsSource } from './settings/read.ts';
import { settingsRules } from './settings/rules.ts';
import type { Settings } from './settings/settings.ts';
import type { ViewsSetting } from './threads/views.ts';

/**
 * What the process is for. A command that root runs works as the state directory's owner: a `worker` (snapshot) and a
 * `reader` for good, an `editor` (mark, kill, pin) and an `importer`, which is a worker too, but for the edit itself.
 */
export type Role = 'server' | 'worker' | 'importer' | 'editor' | 'reader';

export interface ComposeOptions extends Omit<SettingsSource, 'lastValid'> {
  readonly role: Role;
  readonly log: Log;
  /** The machine's own unless a test brings one that can be moved. */
  readonly clock?: Clock;
  /** Where the client is that hosts are given; default: beside this program. */
  readonly clientDirectory?: string;
  /** Where the page is that people are shown; default: `web` beside this program. */
  readonly pageDirectory?: string;
}

export interface App {
  readonly context: Context;
  /** As they stood at the start. */
  readonly settings: Settings;
  /** Writes what is noted and closes the store. */
  close(): Promise<void>;
}

export type Composed =
  | { readonly ok: true; readonly app: App }
  | { readonly ok: false; readonly errors: readonly FileError[] };

const MEBIBYTE = 1024 * 1024;

/** As a server would begin with them now; undefined where it would be refused. Opens nothing. */
export async function settingsAtStart(options: Omit<SettingsSource, 'lastValid'>): Promise<Settings | undefined> {
  const booted = await bootSettings(sourceFrom(options), watchControlFiles(options.base, systemClock));
  return booted.ok ? booted.settings : undefined;
}

function sourceFrom(options: Omit<SettingsSource, 'lastValid'>): SettingsSource {
  return { ...options, lastValid: (stateDir) => readOrNothing(stateDir, 'last-valid/server.yml') };
}

/** Puts the parts together. Beside compose-commands.ts the only file that names adapters. Starts nothing that runs by itself. */
export async function compose(options: ComposeOptions): Promise<Composed> {
  const { base, role, log } = options;
  const clock = options.clock ?? systemClock;
  const files = watchControlFiles(base, clock);
  const source = sourceFrom(options);
  const booted = await bootSettings(source, files);
  if (!booted.ok) return booted;
  const { settings, absent } = booted;
  const { stateDir } = settings;
  const refused = openStateDir(stateDir, role);
  if (refused !== undefined) return { ok: false, errors: [refused] };
  // As long as it holds what it held before we came.
  const lax = role === 'server' ? tightenState(stateDir) : [];

  const keeps = role === 'server' || isWorker(role);
  const state = keeps ? stateFiles(stateDir) : stateFilesForReading(stateDir);
  const store = await storeFor(stateDir, role);
  const credentials = openCredentials({ stateDir, isThorough: role === 'server' });
  const time = openTimekeeper(clock);
  const raised = await raisedProblems(store);
  const journal = openJournal({
    store,
    log,
    // Somebody who may look but not write has no problem: the server writes.
    onTrouble: (reason) => problems.set('history', keeps ? historyProblem(reason) : []),
  });
  const problems = openProblems({
    now: time.now,
    record: role === 'server' ? journal.add : () => undefined,
    raisedBefore: (id) => raised.get(id)?.at,
  });
  problems.set('state directory', lax);
  // A command that pulls the killswitch says whose doing it was only after the files were looked at.
  let foundByEditor: ControlChange | undefined;
  const desk = openDesk({
    files,
    state,
    settings: settingsRules(source, absent),
    monotonic: clock.monotonic,
    onChange(change) {
      if (role === 'editor' && change.file === 'killswitch') foundByEditor = change;
      else noteChange({ journal, time, files, log }, change);
    },
    onStateTrouble: (reason) => problems.set('state', stateProblem(stateDir, reason)),
  });
  const repository = openRepository({ stateDir, ...settings.repo });
  const limits = (): Limits => limitsOf(settingsNow(desk, settings));
  const views =
    role === 'server'
      ? viewsApart({ ...settings, stateDir }, limits)
      : viewsOfCommand({ stateDir, repository, limits });
  const fleet = await openFleet({
    store,
    journal,
    mostNodes: () => settingsNow(desk, settings).fleet.mostNodes,
    onHandedOut: views.handedOut,
  });
  const programs = openPrograms({ base, clock, state, settings: () => settingsNow(desk, settings) });
  const shelf = openShelf(repository);
  const live = openLive();
  const context: Context = {
    base,
    clock,
    log,
    files,
    editor: openEditor(base),
    state,
    repository,
    views,
    store,
    // The key is nobody else's business.
    tlsFiles: settings.tls !== null && role === 'server' ? openTlsFiles(settings.tls) : null,
    credentials,
    identity: identityProvider(clock),
    random: randomBytes,
    programs,
    clientBuild: openClientBuild(options.clientDirectory ?? import.meta.dirname),
    pageBuild: openPageBuild(options.pageDirectory ?? join(import.meta.dirname, 'web')),
    time,
    desk,
    shelf,
    fleet,
    standing: openStanding({ desk, shelf, time, clock, programs }),
    journal,
    problems,
    refusals: openRefusals({ now: time.now, monotonic: clock.monotonic, record: journal.add }),
    loginAttempts: openLoginAttempts({ now: time.now, random: randomBytes }),
    halts: openHalts(state),
    experience: openExperience({ store, clock, now: time.now, flush: fleet.flush }),
    changes: openChanges(),
    live,
    locator: openLocator({ store, fleet }),
    sizes: openSizes({ repository, log, onCounted: () => live.poke('map') }),
    metrics: await metricsFor(role),
    outbox: openOutbox(join(stateDir, 'notifications.sqlite'), { isReader: role !== 'server' }),
    courier: openCourier(),
    failureSpikes: openFailureSpikes(),
    waveArrivals: openWaveArrivals(),
  };
  const unprepared = keeps ? await tryToPrepare(context, stateDir) : undefined;
  if (unprepared !== undefined) return { ok: false, errors: [unprepared] };
  // Before the first fetch there is nothing to read, which is no problem of its own.
  if (existsSync(join(stateDir, 'repository.git')))
    // Why it cannot be read stands as a problem.
    await refreshShelf(context).catch(() => undefined);
  const close = async (): Promise<void> => {
    if (foundByEditor !== undefined) noteChange({ journal, time, files, log }, foundByEditor);
    await closeAll(context);
  };
  return { ok: true, app: { context, settings, close } };
}

/** What is wrong with how a server's process was started. */
export function processProblems(settings: Settings): Problem[] {
  return [...userProblems(settings.stateDir), ...secretProblems(settings)];
}

/** Loaded when somebody logs in: commands start without it. */
function identityProvider(clock: Clock): IdentityProvider {
  let opened: Promise<IdentityProvider> | undefined;
  const open = (): Promise<IdentityProvider> => {
    opened ??= import('./adapters/oidc.ts').then(({ openIdentityProvider }) => openIdentityProvider(clock));
    return opened;
  };
  return {
    urlFor: async (...asked) => (await open()).urlFor(...asked),
    claimsOf: async (...asked) => (await open()).claimsOf(...asked),
  };
}

function isWorker(role: Role): boolean {
  return role === 'worker' || role === 'importer';
}

/** What root creates belongs to whom the directory around it belongs to: the server has to write it. */
function createStateDir(stateDir: string): void {
  const first = mkdirSync(stateDir, { recursive: true });
  if (first === undefined || process.geteuid?.() !== 0) return;
  const { uid, gid } = statSync(dirname(first));
  chownSync(first, uid, gid);
  chownSync(stateDir, uid, gid);
}

/** Creates the state directory where it is missing and will be written. Answers why it cannot be used. */
function openStateDir(stateDir: string, role: Role): FileError | undefined {
  try {
    if (role === 'server' || isWorker(role)) createStateDir(stateDir);
    if (role !== 'server') workAsOwnerOf(stateDir, { forGood: role === 'worker' || role === 'reader' });
    return undefined;
  } catch (error) {
    return unusableState(stateDir, error);
  }
}

/** Makes the repository ready; answers why that cannot be done. */
async function tryToPrepare({ repository }: Context, stateDir: string): Promise<FileError | undefined> {
  try {
    await repository.prepare();
    return undefined;
  } catch (error) {
    return unusableState(stateDir, error);
  }
}

function unusableState(stateDir: string, error: unknown): FileError {
  const expected = 'a directory that this user may read and write (state_dir)';
  return { file: stateDir, line: 0, key: '', expected, found: oneLine(reasonOf(error)) };
}

/** A command run by somebody who may not write the history reads it; where it cannot be read either, it does without. */
async function storeFor(stateDir: string, role: Role): Promise<Store> {
  const file = join(stateDir, 'history.sqlite');
  try {
    // A server has others to answer while something is written or looked for; a command has nothing else to do.
    if (role === 'server') return await openStoreApart(file);
    return isWorker(role) || isWritable(stateDir) ? await openStore(file) : await openStoreForReading(file);
  } catch (error) {
    return unavailableStore(error instanceof Error ? error.message : String(error));
  }
}

function isWritable(directory: string): boolean {
  try {
    accessSync(directory, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function readOrNothing(stateDir: string, name: string): string | undefined {
  try {
    return stateFiles(stateDir).read(name);
  } catch {
    return undefined;
  }
}

/** A server has others to answer while views are made; a command has nothing else to do. */
function viewsApart({ stateDir, repo }: Settings, limits: () => Limits): Views {
  const setting: ViewsSetting = { stateDir, repo, limits: limits() };
  return openViewsApart({ thread: openThread({ name: 'views', setting, errors: { UnfitContent } }), limits });
}

/** A command ends when its work is done: what nodes will ask for is made ahead by a server. */
function viewsOfCommand(options: Parameters<typeof openViews>[0]): Views {
  return { ...openViews(options), prepare: async () => undefined };
}

/** Loaded by who is asked for them: commands start without. */
async function metricsFor(role: Role): Promise<Metrics> {
  return role === 'server' ? (await import('./adapters/metrics.ts')).openMetrics() : NO_METRICS;
}

function limitsOf({ views }: Settings): Limits {
  return {
    archiveCacheBytes: views.archiveCacheMebibytes * MEBIBYTE,
    deltaCacheBytes: views.deltaCacheMebibytes * MEBIBYTE,
  };
}

/** Programs are asked in the middle of a decision, when the desk has just been looked at. */
function settingsNow(desk: Desk, atStart: Settings): Settings {
  const state = desk.last();
  return state.kind === 'ready' ? state.controls.settings : atStart;
}

async function closeAll(context: Context): Promise<void> {
  await context.fleet.flush();
  await context.views.close();
  await context.credentials.close();
  context.outbox.close();
  await context.store.close();
}
