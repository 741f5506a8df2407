import { type BigIntStats, lstatSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { KillswitchLook } from '../../core/killswitch.ts';
import type { Look } from '../../core/settle.ts';
import { type Clock, CONTROL_FILES, type ControlFileName, type ControlFiles } from '../../ports.ts';
import { accountName } from './account.ts';
import { errorCode, reasonOf } from './failure.ts';
import { lookAtKillswitch, traceOf } from './killswitch.ts';

/** What is larger is no control file. */
export const LIMIT_BYTES = 1024 * 1024;
/** A file may change twice within one tick of the file system's clock and look the same: it is read again until this old. */
const RACY_MS = 100;

interface Watched {
  readonly signature: string;
  readonly look: Look;
  /** Monotonic instant since which it has been like this. */
  readonly since: number;
  /** It was already old when this process saw it first. */
  readonly bornSettled: boolean;
  readonly racy: boolean;
}

/** Watches the control files of a base directory by stat calls alone: no inotify, which network file systems don't have. */
export function watchControlFiles(base: string, clock: Clock): ControlFiles {
  const watched = new Map<ControlFileName, Watched>();

  const look = (file: ControlFileName, settleSeconds: number): Watched => {
    const before = watched.get(file);
    const stats = statOf(join(base, file));
    const signature = stats instanceof Error ? `error:${errorCode(stats)}` : signatureOf(stats);
    if (before?.signature === signature && !before.racy) return before;
    const found = stats instanceof Error ? lookOfError(stats) : read(join(base, file), stats);
    const same = before !== undefined && sameLook(before.look, found);
    const modified = stats instanceof Error ? 0 : Number(stats.mtimeMs);
    const age = clock.fileTime() - modified;
    const now: Watched = {
      signature,
      look: same ? before.look : found,
      since: same ? before.since : clock.monotonic(),
      bornSettled: same ? before.bornSettled : before === undefined && age >= settleSeconds * 1000,
      racy: !(stats instanceof Error) && Math.abs(age) < RACY_MS,
    };
    watched.set(file, now);
    return now;
  };

  const remaining = (seen: Watched, settleSeconds: number): number =>
    seen.bornSettled ? 0 : Math.max(0, seen.since + settleSeconds * 1000 - clock.monotonic());

  return {
    sighting(file, settleSeconds) {
      const seen = look(file, settleSeconds);
      return { look: seen.look, settled: remaining(seen, settleSeconds) === 0 };
    },
    killswitch: (): KillswitchLook => lookAtKillswitch(base),
    killswitchTrace: () => traceOf(base),
    settlesIn(settleSeconds) {
      const waits = CONTROL_FILES.flatMap((file) => {
        const seen = watched.get(file);
        return seen?.look.kind === 'text' ? [remaining(seen, settleSeconds)] : [];
      }).filter((wait) => wait > 0);
      return waits.length === 0 ? undefined : Math.min(...waits);
    },
    ownerOf(file) {
      try {
        const { uid } = lstatSync(join(base, file));
        return uid === process.getuid?.() ? userInfo().username : accountName(uid);
      } catch {
        return 'unknown';
      }
    },
  };
}

function statOf(path: string): BigIntStats | Error {
  try {
    return statSync(path, { bigint: true });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function signatureOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.mode}`;
}

function lookOfError(error: Error): Look {
  return errorCode(error) === 'ENOENT' ? { kind: 'absent' } : { kind: 'unreadable', why: reasonOf(error) };
}

function read(path: string, stats: BigIntStats): Look {
  if (!stats.isFile()) return { kind: 'unreadable', why: stats.isDirectory() ? 'a directory' : 'not a regular file' };
  if (stats.size > LIMIT_BYTES) return { kind: 'unreadable', why: `${stats.size} bytes, over the limit of 1 MiB` };
  try {
    const bytes = readFileSync(path);
    if (bytes.length > LIMIT_BYTES)
      return { kind: 'unreadable', why: `${bytes.length} bytes, over the limit of 1 MiB` };
    if (bytes.includes(0)) return { kind: 'unreadable', why: 'it holds NUL bytes' };
    // Bytes that are no UTF-8 (a name in a reason, say) must not keep a mark from counting.
    return { kind: 'text', text: bytes.toString('utf8') };
  } catch (error) {
    return lookOfError(error instanceof Error ? error : new Error(String(error)));
  }
}

function sameLook(a: Look, b: Look): boolean {
  if (a.kind === 'text') return b.kind === 'text' && a.text === b.text;
  if (a.kind === 'unreadable') return b.kind === 'unreadable' && a.why === b.why;
  return b.kind === 'absent';
}
