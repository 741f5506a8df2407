import { type BigIntStats, lstatSync, readFileSync, statSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { KillswitchLook } from '../../core/killswitch.ts';
import type { Look } from '../../core/settle.ts';
import type { Clock } from '../../ports/common.ts';
import type { ControlFileName, ControlFiles } from '../../ports/files.ts';
import { accountName } from './account.ts';
import { errorCode, reasonOf } from './failure.ts';
import { lookAtKillswitch, traceOf } from './killswitch.ts';

/** What is larger is no control file. */
export const LIMIT_BYTES = 1024 * 1024;
/** A file may change twice within one tick of the file system's clock and look the same: it is read again until this old. */
const RACY_MS = 100;
/** Some editors rename the old file away before they put the new one there: a file is missing only once it stays away. */
const MISSING_MS = 100;

interface Watched {
  readonly signature: string;
  readonly look: Look;
  /** Monotonic instant since which it has been like this. */
  readonly since: number;
  /** It was already old when this process saw it first. */
  readonly bornSettled: boolean;
  /** To be read again although it looks unchanged. */
  readonly unsure: boolean;
}

/** Watches the control files of a base directory by stat calls alone: no inotify, which network file systems don't have. */
export function watchControlFiles(base: string, clock: Clock): ControlFiles {
  const watched = new Map<ControlFileName, Watched>();

  const look = (file: ControlFileName, settleSeconds: number): Watched => {
    const before = watched.get(file);
    const stats = statOf(join(base, file));
    const signature = stats instanceof Error ? `error:${errorCode(stats)}` : signatureOf(stats);
    if (before?.signature === signature && !before.unsure) return before;
    const { look: found, failed = false } =
      stats instanceof Error ? { look: lookOfMissing(join(base, file), stats) } : read(join(base, file), stats);
    const same = before !== undefined && sameLook(before.look, found);
    // Written again with the same text, it may be in the middle of being rewritten over and over.
    const untouched = same && before.signature === signature;
    const settledSince = clock.fileTime() - settleMs(found, settleSeconds);
    const now: Watched = {
      signature,
      look: same ? before.look : found,
      since: untouched ? before.since : clock.monotonic(),
      bornSettled: untouched ? before.bornSettled : before === undefined && changedAt(base, stats) <= settledSince,
      unsure: failed || (!(stats instanceof Error) && Math.abs(clock.fileTime() - Number(stats.ctimeMs)) < RACY_MS),
    };
    watched.set(file, now);
    return now;
  };

  const remaining = (seen: Watched, settleSeconds: number): number =>
    seen.bornSettled ? 0 : Math.max(0, seen.since + settleMs(seen.look, settleSeconds) - clock.monotonic());

  return {
    sighting(file, settleSeconds) {
      const seen = look(file, settleSeconds);
      return { look: seen.look, settled: remaining(seen, settleSeconds) === 0 };
    },
    killswitch: (): KillswitchLook => lookAtKillswitch(base),
    killswitchTrace: () => traceOf(base),
    ownerOf(file) {
      try {
        const { uid } = lstatSync(join(base, file));
        return uid === process.geteuid?.() ? userInfo().username : accountName(uid);
      } catch {
        return 'unknown';
      }
    },
  };
}

function settleMs(look: Look, settleSeconds: number): number {
  return look.kind === 'absent' ? Math.min(MISSING_MS, settleSeconds * 1000) : settleSeconds * 1000;
}

/** When a file was written last; for one that is not there, when the directory was. Milliseconds since 1970. */
function changedAt(base: string, stats: BigIntStats | Error): number {
  const found = stats instanceof Error ? statOf(base) : stats;
  return found instanceof Error ? 0 : Number(found.mtimeMs);
}

/** Files that are not there are looked for all the time, and an error of its own each time takes longer than to look. */
const NO_ENTRY = Object.assign(new Error('there is no such file'), { code: 'ENOENT' });

function statOf(path: string): BigIntStats | Error {
  try {
    return statSync(path, { bigint: true, throwIfNoEntry: false }) ?? NO_ENTRY;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function signatureOf(stats: BigIntStats): string {
  return `${stats.dev}:${stats.ino}:${stats.size}:${stats.mtimeNs}:${stats.ctimeNs}:${stats.mode}`;
}

/** A link to nothing is no absent file: what it should point to may only not be mounted yet. */
function lookOfMissing(path: string, error: unknown): Look {
  try {
    const isLink = errorCode(error) === 'ENOENT' && lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    return isLink ? { kind: 'unreadable', why: 'a link to a file that does not exist' } : lookOfError(error);
  } catch (trouble) {
    return lookOfError(trouble);
  }
}

function lookOfError(error: unknown): Look {
  return errorCode(error) === 'ENOENT' ? { kind: 'absent' } : { kind: 'unreadable', why: reasonOf(error) };
}

/** `failed`: what keeps it from being read may pass without a trace on the file. */
function read(path: string, stats: BigIntStats): { readonly look: Look; readonly failed?: boolean } {
  const unreadable = (why: string) => ({ look: { kind: 'unreadable', why } as const });
  if (!stats.isFile()) return unreadable(stats.isDirectory() ? 'a directory' : 'not a regular file');
  if (stats.size > LIMIT_BYTES) return unreadable(`${stats.size} bytes, over the limit of 1 MiB`);
  try {
    const bytes = readFileSync(path);
    if (bytes.length > LIMIT_BYTES) return unreadable(`${bytes.length} bytes, over the limit of 1 MiB`);
    if (bytes.includes(0)) return unreadable('it holds NUL bytes');
    // Bytes that are no UTF-8 (a name in a reason, say) must not keep a mark from counting.
    return { look: { kind: 'text', text: bytes.toString('utf8') } };
  } catch (error) {
    return { look: lookOfError(error), failed: true };
  }
}

function sameLook(a: Look, b: Look): boolean {
  if (a.kind === 'text') return b.kind === 'text' && a.text === b.text;
  if (a.kind === 'unreadable') return b.kind === 'unreadable' && a.why === b.why;
  return b.kind === 'absent';
}
