import { accessSync, constants, lstatSync, type Stats, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type { Clock } from '../../ports/common.ts';
import type { StateFiles } from '../../ports/files.ts';
import type { ProgramState, Programs } from '../../ports/programs.ts';
import type { Settings } from '../../settings/settings.ts';
import { reasonOf } from '../files/failure.ts';
import { runExecutable } from './executable.ts';
import { runModule } from './module.ts';

const CACHE_MS = 60_000;
const MOST_CACHED = 10_000;
/** Whoever comes later holds at once instead of waiting for minutes. */
const MOST_WAITING = 200;
const LIMIT_SECONDS = 5;
/** Where there is no program, one is looked for this often: nearly every site has none, and every poll asks. */
const LOOK_AGAIN_MS = 15;
/** Remembers across restarts that a program was in use: once it is gone, doing without it must be somebody's decision. */
const REMEMBERED = 'programs-in-use.json';

export interface ProgramsOptions {
  readonly base: string;
  readonly clock: Clock;
  readonly state: StateFiles;
  /** As the settings stand now. */
  readonly settings: () => Pick<Settings, 'nodetagger' | 'nodegrouper'>;
}

type Answer = { readonly text: string } | { readonly failed: string };

/** The site's nodetagger and nodegrouper: executables or modules, never through a shell, with limits on time and number. */
export function openPrograms({ base, clock, state, settings }: ProgramsOptions): Programs {
  const limit = pLimit(2 * availableParallelism());
  const cache = new Map<string, { readonly until: number; readonly answer: Promise<Answer> }>();
  const memory = openMemory(state);
  const runner = { base, seconds: LIMIT_SECONDS };

  const cached = (key: string, ask: () => Promise<Answer>): Promise<Answer> => {
    const now = clock.monotonic();
    const known = cache.get(key);
    if (known !== undefined && known.until > now) return known.answer;
    if (limit.pendingCount > MOST_WAITING)
      return Promise.resolve({ failed: `more than ${MOST_WAITING} hosts wait for it already` });
    forgetOldest(cache);
    const answer = limit(ask);
    cache.set(key, { until: now + CACHE_MS, answer });
    return answer;
  };

  const lookUnlessAbsent = lookout(clock, memory);
  const nodetagger = (): ProgramState => {
    const choice = settings().nodetagger;
    return choice.kind === 'schedule' ? NONE : lookUnlessAbsent(choice, 'nodetagger');
  };
  const nodegrouper = (): ProgramState => {
    const choice = settings().nodegrouper;
    return choice.kind === 'none' ? NONE : lookUnlessAbsent(choice, 'nodegrouper');
  };

  return {
    nodetagger,
    nodegrouper,
    async askNodetagger(hostname, contextOf, { afresh = false } = {}) {
      const program = nodetagger();
      if (program.kind !== 'ready') return { failed: program.kind === 'none' ? 'there is none' : program.why };
      const { path, stamp } = program;
      const ask = () =>
        path.endsWith('.mjs')
          ? runModule({ path, stamp, hostname, context: contextOf(), seconds: LIMIT_SECONDS })
          : runExecutable(path, hostname, runner);
      return afresh ? limit(ask) : cached(`nodetagger ${path} ${stamp} ${hostname}`, ask);
    },
    async askNodegrouper(hostname) {
      const program = nodegrouper();
      if (program.kind !== 'ready') return { failed: program.kind === 'none' ? 'there is none' : program.why };
      const answer = await cached(`nodegrouper ${program.path} ${program.stamp} ${hostname}`, () =>
        runExecutable(program.path, hostname, runner),
      );
      return 'failed' in answer ? answer : { groups: groupsIn(answer.text) };
    },
    forget: () => cache.clear(),
  };
}

/** One group a line, blank lines ignored. */
function groupsIn(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

interface Memory {
  wasUsed(program: string): boolean;
  noteUse(program: string): void;
}

function openMemory(state: StateFiles): Memory {
  const used = new Set<string>(readUsed(state));
  return {
    wasUsed: (program) => used.has(program),
    noteUse(program) {
      if (used.has(program)) return;
      used.add(program);
      try {
        state.write(REMEMBERED, `${JSON.stringify([...used])}\n`);
      } catch {
        // Kept in memory; written with the next program that comes into use.
      }
    },
  };
}

function readUsed(state: StateFiles): string[] {
  try {
    const value: unknown = JSON.parse(state.read(REMEMBERED) ?? '[]');
    return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
  } catch {
    return [];
  }
}

interface Choice {
  readonly kind: 'auto' | 'program';
  readonly path: string;
}

type Name = 'nodetagger' | 'nodegrouper';

const NONE: ProgramState = { kind: 'none' };

/** Looks at a program each time; at a place where there was none, again after a moment. */
function lookout(clock: Clock, memory: Memory): (choice: Choice, name: Name) => ProgramState {
  const absent = new Map<Name, { readonly choice: Choice; readonly until: number }>();
  return (choice, name) => {
    const last = absent.get(name);
    if (last?.choice === choice && clock.monotonic() < last.until) return NONE;
    const state = look(choice, memory, name);
    if (state.kind === 'none') absent.set(name, { choice, until: clock.monotonic() + LOOK_AGAIN_MS });
    return state;
  };
}

function look({ kind, path }: Choice, memory: Memory, name: Name): ProgramState {
  const stats = statOf(path);
  if (stats === undefined && kind === 'auto' && !memory.wasUsed(path)) return NONE;
  const flaw = flawOf(path, stats);
  if (flaw !== undefined || stats === undefined || typeof stats === 'string')
    return { kind: 'unusable', why: `${path} ${flaw}, or write "${WITHOUT[name]}" in server.yml to do without it` };
  memory.noteUse(path);
  return { kind: 'ready', path, stamp: `${stats.ino}-${stats.mtimeMs}-${stats.size}` };
}

const WITHOUT = { nodetagger: 'nodetagger: schedule', nodegrouper: 'nodegrouper: none' } as const;

/** Why a program cannot be run, and what to do about it. */
function flawOf(path: string, stats: Stats | string | undefined): string | undefined {
  if (stats === undefined) return 'is gone; put it back';
  if (typeof stats === 'string') return `cannot be looked at (${stats}); put it right`;
  if (!stats.isFile()) return 'is no file; put a program there';
  if (path.endsWith('.mjs') || isExecutable(path)) return undefined;
  return 'is not executable; run chmod +x on it';
}

/** The file, or why it cannot be looked at; a link to nothing is there, and cannot be run. */
function statOf(path: string): Stats | string | undefined {
  try {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    return statSync(path, { throwIfNoEntry: false }) ?? 'a link to nothing';
  } catch (error) {
    return reasonOf(error);
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function forgetOldest(cache: Map<string, unknown>): void {
  if (cache.size < MOST_CACHED) return;
  const [oldest] = cache.keys();
  if (oldest !== undefined) cache.delete(oldest);
}
