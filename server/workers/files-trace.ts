import { type BigIntStats, statSync } from 'node:fs';
import { join } from 'node:path';
import { watchControlFiles } from '../adapters/files/control-files.ts';
import { systemClock } from '../adapters/system-clock.ts';

/** How the control files look, without reading them. */
export interface FilesTrace {
  /**
   * Differs from the last one when a file was changed since: at once for what stops (the killswitch, and what marks tags
   * bad), within 15 ms for the others. Undefined where that cannot be told yet.
   */
  now(): string | undefined;
}

/** The clock of a file system ticks slowly: a file may change twice within one tick and look as after the first. */
const RACY_MS = 100;
const FRESH_MS = 15;
const OTHERS = ['server.yml', 'schedule.yml', 'nodes.yml', 'nodegroups.yml', 'pins'];

export function openFilesTrace(base: string): FilesTrace {
  const files = watchControlFiles(base, systemClock);
  const tagstate = join(base, 'tagstate');
  const others = OTHERS.map((name) => join(base, name));
  let othersAre = '';
  let lookedAt = Number.NEGATIVE_INFINITY;
  return {
    now() {
      const now = performance.now();
      if (now - lookedAt >= FRESH_MS) {
        lookedAt = now;
        othersAre = others.map((path) => stamp(look(path))).join();
      }
      const marks = look(tagstate);
      const isRacy = typeof marks !== 'string' && Math.abs(Date.now() - Number(marks.ctimeMs)) < RACY_MS;
      return isRacy ? undefined : `${files.killswitchTrace()} ${stamp(marks)} ${othersAre}`;
    },
  };
}

function look(path: string): BigIntStats | string {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? 'absent';
  } catch (error) {
    return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
  }
}

function stamp(stats: BigIntStats | string): string {
  if (typeof stats === 'string') return stats;
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}`;
}
