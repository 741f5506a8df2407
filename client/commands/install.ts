import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { layoutOf } from '../adapters/layout.ts';
import {
  copyStep,
  directoryStep,
  emptyDirectoryStep,
  fileStep,
  firstFileStep,
  forgetStep,
  goneStep,
  keptUserStep,
  purgeStep,
  reloadStep,
  type Step,
  StepFailed,
  startStep,
  stopStep,
  userStep,
} from '../adapters/steps.ts';
import { type Failure, systemFailure } from '../core/failure.ts';
import {
  CA_FILE,
  clientYml,
  filesOf,
  INSTALLED_FILES,
  type Installation,
  isInterval,
  type Mode,
  PACKAGED,
  UNITS,
  USUAL,
} from '../core/installation.ts';
import { DEFAULT_CONFIG, DEFAULT_TARGET, type Settings } from '../settings/keys.ts';
import type { Terminal } from '../terminal.ts';
import { enrolStep } from './enrol-step.ts';
import type { OwnFlags } from './usage/usage.ts';

export interface InstallContext {
  readonly settings: Settings;
  readonly own: OwnFlags;
  readonly terminal: Terminal;
}

interface Wanted extends Installation {
  readonly starts: boolean;
  /** Below this directory instead of the machine itself; empty: the machine. */
  readonly destdir: string;
}

/** Makes this host ask by itself, or no longer. Tells of each thing whether it changed. Answers the exit code. */
export async function install(context: InstallContext): Promise<number> {
  const { settings, own, terminal } = context;
  const wanted = wantedBy(settings, own);
  if (typeof wanted === 'string') return usage(terminal, wanted);
  if (wanted.destdir === '' && !settings.dryRun && process.geteuid?.() !== 0) {
    terminal.err(
      'tagwave: only root may change what this machine starts\n  Run it with sudo, or look first with --dry-run.',
    );
    return 1;
  }
  const steps = own['uninstall'] === true ? removal(wanted, own['purge'] === true) : arrival(context, wanted);
  return typeof steps === 'string' ? usage(terminal, steps) : carryOut(context, steps);
}

function usage(terminal: Terminal, problem: string): number {
  terminal.err(`tagwave: ${problem}`);
  return 2;
}

function wantedBy(settings: Settings, own: OwnFlags): Wanted | string {
  const everyMinutes = typeof own['every'] === 'string' ? Number(own['every']) : USUAL.everyMinutes;
  if (!isInterval(everyMinutes))
    return `--every: expected minutes that divide an hour (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60), found ${JSON.stringify(own['every'])}`;
  if (own['cron'] === true && (own['systemd'] === true || own['watch'] === true))
    return '--cron: either this or --systemd and --watch';
  if (own['purge'] === true && own['uninstall'] !== true) return '--purge: only means something with --uninstall';
  // What is put onto a tree belongs to whom the release says.
  const usual = settings.root === undefined ? USUAL.user : 'root';
  const user = typeof own['user'] === 'string' ? own['user'] : usual;
  if (!/^[a-z_][a-z0-9_-]{0,31}$/.test(user))
    return `--user: expected the name of a user, found ${JSON.stringify(user)}`;
  const target = resolve(settings.target);
  if (/\p{Cc}/u.test(target))
    return `--target: expected a directory without control characters, found ${JSON.stringify(target)}`;
  return {
    mode: modeOf(own),
    everyMinutes,
    user,
    target,
    program: isPackaged() ? PACKAGED : USUAL.program,
    starts: own['no-start'] !== true,
    destdir: typeof own['destdir'] === 'string' ? resolve(own['destdir']) : '',
  };
}

/** What was installed by hand stands before it in everybody's PATH. */
function isPackaged(): boolean {
  return existsSync(PACKAGED) && !existsSync(USUAL.program);
}

function modeOf(own: OwnFlags): Mode {
  if (own['watch'] === true) return 'watch';
  if (own['systemd'] === true) return 'timer';
  return own['cron'] === true || !existsSync('/run/systemd/system') ? 'cron' : 'timer';
}

function arrival({ settings, own }: InstallContext, wanted: Wanted): Step[] | string {
  const { destdir, user, target, mode, starts } = wanted;
  const at = (path: string): string => join(destdir, path);
  const isHere = destdir === '';
  const config = at(DEFAULT_CONFIG);
  if (settings.servers.length === 0 && !existsSync(config))
    return `no server is given\n  Give --server URL: it is written to ${DEFAULT_CONFIG}.`;
  const isOther = user !== 'root' && isHere;
  const yml = clientYml({
    servers: settings.servers.map(({ href }) => href.replace(/\/$/, '')),
    hostname: settings.hostname,
    target: target === DEFAULT_TARGET ? undefined : target,
    root: settings.root,
    tokenFile: settings.tokenFile,
    ca: settings.ca === undefined ? undefined : CA_FILE,
    cert: settings.cert,
    key: settings.key,
  });
  const files = mode === 'cron' && !starts ? [] : filesOf(wanted);
  const others = INSTALLED_FILES.filter((path) => !files.some((file) => file.path === path));
  return [
    ...(isOther ? [userStep(user, USUAL.target)] : []),
    directoryStep(at(target), isOther ? user : undefined),
    ...(settings.ca !== undefined && isCaToCopy(settings.ca, config) ? [copyStep(settings.ca, at(CA_FILE))] : []),
    firstFileStep(config, yml),
    ...(isHere ? [enrolStep({ settings: { ...settings, target }, own, user: isOther ? user : undefined })] : []),
    ...(isHere ? stopping(others) : []),
    ...others.map((path) => goneStep(at(path))),
    ...files.map(({ path, text }) => fileStep(at(path), text)),
    ...(isHere && mode !== 'cron' ? starting(wanted) : []),
  ];
}

/** Settings that were there before may know the CA by another name. */
function isCaToCopy(ca: string, config: string): boolean {
  return ca !== CA_FILE && (!existsSync(config) || readFileSync(config, 'utf8').includes(CA_FILE));
}

/** What runs is stopped before its file goes. */
function stopping(paths: readonly string[]): Step[] {
  return [UNITS.timer, UNITS.watch].filter((path) => paths.includes(path)).map(stopStep);
}

function starting({ mode, starts }: Wanted): Step[] {
  const unit = mode === 'watch' ? UNITS.watch : UNITS.timer;
  return [reloadStep(unit), ...(starts ? [startStep(unit)] : [])];
}

function removal({ destdir, target, user }: Wanted, isPurge: boolean): Step[] {
  const at = (path: string): string => join(destdir, path);
  const isHere = destdir === '';
  const hasUnits = Object.values(UNITS).some((path) => existsSync(at(path)));
  const { root, ...inside } = layoutOf(at(target));
  return [
    ...(isHere ? stopping(INSTALLED_FILES) : []),
    ...INSTALLED_FILES.map((path) => goneStep(at(path))),
    ...(isHere && hasUnits ? [forgetStep()] : []),
    ...(isPurge
      ? [
          ...Object.values(inside).map(purgeStep),
          emptyDirectoryStep(root),
          purgeStep(at(DEFAULT_CONFIG)),
          purgeStep(at(CA_FILE)),
          emptyDirectoryStep(at(dirname(DEFAULT_CONFIG))),
          ...(isHere && user !== 'root' ? [keptUserStep(user)] : []),
        ]
      : [keptStep(root, 'the releases'), keptStep(at(DEFAULT_CONFIG), 'the settings')]),
  ];
}

function keptStep(path: string, what: string): Step {
  return {
    what: path,
    look: () =>
      existsSync(path) ? { kind: 'kept', why: `${what}; --purge removes it` } : { kind: 'right', silent: true },
    act: () => undefined,
  };
}

async function carryOut({ settings, terminal }: InstallContext, steps: readonly Step[]): Promise<number> {
  let told = 0;
  const tell = (word: string, what: string): void => {
    told++;
    terminal.out(`${word.padEnd(13)}${what}`);
  };
  try {
    for (const step of steps) {
      const found = await step.look();
      if (found.kind === 'blocked') return fail(terminal, found.failure);
      if (found.kind === 'kept') tell('kept', `${step.what} (${found.why})`);
      else if (found.kind === 'to-do') await does(step, { isDry: settings.dryRun, tell });
      else if (found.silent !== true) tell('unchanged', step.what);
    }
    if (told === 0) tell('unchanged', 'there was nothing to do');
    return 0;
  } catch (error) {
    const failure = error instanceof StepFailed ? error.failure : systemFailure(error);
    if (failure === undefined) throw error;
    return fail(terminal, failure);
  }
}

interface Doing {
  readonly isDry: boolean;
  readonly tell: (word: string, what: string) => void;
}

async function does(step: Step, { isDry, tell }: Doing): Promise<void> {
  if (isDry) return tell(`would ${step.done === undefined ? 'change' : 'remove'}`, step.what);
  await step.act();
  const more = step.more?.();
  tell(step.done ?? 'changed', more === undefined ? step.what : `${step.what} (${more})`);
}

function fail(terminal: Terminal, { sentence, hint }: Failure): number {
  terminal.err(`tagwave: ${sentence}\n  ${hint}`);
  return 1;
}
