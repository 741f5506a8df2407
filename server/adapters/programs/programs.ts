import { accessSync, constants, type Stats, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import pLimit from 'p-limit';
import type { Clock, ProgramState, Programs, StateFiles } from '../../ports.ts';
import type { Settings } from '../../settings/settings.ts';
import { runExecutable } from './executable.ts';
import { runModule } from './module.ts';

const CACHE_MS = 60_000;
const LIMIT_SECONDS = 5;
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
    if (cache.size > 10_000) cache.clear();
    const answer = limit(ask);
    cache.set(key, { until: now + CACHE_MS, answer });
    return answer;
  };

  const nodetagger = (): ProgramState => {
    const choice = settings().nodetagger;
    return choice.kind === 'schedule' ? { kind: 'none' } : look(choice, memory, 'nodetagger');
  };
  const nodegrouper = (): ProgramState => {
    const choice = settings().nodegrouper;
    return choice.kind === 'none' ? { kind: 'none' } : look(choice, memory, 'nodegrouper');
  };

  return {
    nodetagger,
    nodegrouper,
    async askNodetagger(hostname, context) {
      const program = nodetagger();
      if (program.kind !== 'ready') return { failed: program.kind === 'none' ? 'there is none' : program.why };
      const { path, stamp } = program;
      return cached(`nodetagger ${stamp} ${hostname}`, () =>
        path.endsWith('.mjs')
          ? runModule({ path, stamp, hostname, context, seconds: LIMIT_SECONDS })
          : runExecutable(path, hostname, runner),
      );
    },
    async askNodegrouper(hostname) {
      const program = nodegrouper();
      if (program.kind !== 'ready') return { failed: program.kind === 'none' ? 'there is none' : program.why };
      const answer = await cached(`nodegrouper ${program.stamp} ${hostname}`, () =>
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

function look(
  { kind, path }: { readonly kind: 'auto' | 'program'; readonly path: string },
  memory: Memory,
  name: string,
): ProgramState {
  const without = name === 'nodetagger' ? 'nodetagger: schedule' : 'nodegrouper: none';
  const stats = statOf(path);
  if (typeof stats === 'string') return { kind: 'unusable', why: `${path} cannot be looked at: ${stats}` };
  if (stats === undefined) {
    if (kind === 'auto' && !memory.wasUsed(path)) return { kind: 'none' };
    return {
      kind: 'unusable',
      why: `${path} is gone; put it back, or write "${without}" in server.yml to do without it`,
    };
  }
  const usable = stats.isFile() && (path.endsWith('.mjs') || isExecutable(path));
  if (!usable)
    return {
      kind: 'unusable',
      why: `${path} is not executable; run chmod +x on it, or write "${without}" in server.yml to do without it`,
    };
  memory.noteUse(path);
  return { kind: 'ready', path, stamp: `${stats.ino}-${stats.mtimeMs}-${stats.size}` };
}

function statOf(path: string): Stats | string | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
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
