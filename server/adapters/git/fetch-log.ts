import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { z } from 'zod';
import { type ObjectId, parseObjectId } from '../../../protocol/names.ts';
import type { FetchedTip } from '../../ports/repository.ts';
import { errorCode } from '../files/failure.ts';
import { publish } from '../files/publish.ts';

/** What was the tip when: one JSON object a line, in the order written. */
export interface FetchLog {
  /** Oldest written first. Reads the file where it changed. */
  tips(): readonly FetchedTip[];
  /** Synced when it returns. Throws where it cannot be written. Call it under the repository's lock. */
  append(tip: FetchedTip): void;
}

const HOUR_MS = 3_600_000;
const KEPT_MS = 40 * 24 * HOUR_MS;
/** Where the clock has run away, age says nothing: so many of the last written stay whatever their age. */
const KEPT_AT_LEAST = 48;
/** So many lines may be superfluous before the file is written anew. */
const SLACK_LINES = 120;

export function openFetchLog(path: string): FetchLog {
  let cached: { readonly signature: string; readonly tips: readonly FetchedTip[] } | undefined;

  const tips = (): readonly FetchedTip[] => {
    const signature = signatureOf(path);
    if (cached?.signature !== signature) cached = { signature, tips: parseTips(read(path)) };
    return cached.tips;
  };

  return {
    tips,
    append(tip) {
      const text = read(path);
      const all = [...parseTips(text), tip];
      const kept = compacted(all);
      if (all.length - kept.length > SLACK_LINES) {
        publish(path, kept.map(lineOf).join(''));
        return;
      }
      // What a full disk or a power failure cut off stays a line of its own.
      appendFileSync(path, `${text === '' || text.endsWith('\n') ? '' : '\n'}${lineOf(tip)}`, { flush: true });
    },
  };
}

/** The last written with an instant at or before `at`: where the clock was set back, what was written last counts. */
export function lastTipAt(tips: readonly FetchedTip[], at: number): FetchedTip | undefined {
  return tips.findLast((tip) => tip.at <= at);
}

/**
 * At most one tip, the last written, for each hour but the newest tip's own, and none older than 40 days but the last few.
 * An hour here ends with the full hour, so that the answer to what was the tip at HH:00 stays the same.
 */
export function compacted(tips: readonly FetchedTip[]): FetchedTip[] {
  const newest = tips.at(-1);
  if (newest === undefined) return [];
  const hourOf = (tip: FetchedTip) => Math.ceil(tip.at / HOUR_MS);
  const lastOfHour = new Map(tips.map((tip) => [hourOf(tip), tip]));
  const thinned = tips.filter((tip) => hourOf(tip) === hourOf(newest) || lastOfHour.get(hourOf(tip)) === tip);
  return thinned.filter((tip, index) => tip.at > newest.at - KEPT_MS || index >= thinned.length - KEPT_AT_LEAST);
}

const Line = z.object({ at: z.iso.datetime(), commit: z.string() });

/** Lines that cannot be understood are those that were cut off. */
export function parseTips(text: string): FetchedTip[] {
  return text.split('\n').flatMap((line) => {
    const parsed = Line.safeParse(jsonOf(line));
    const commit = parsed.success ? parseObjectId(parsed.data.commit) : undefined;
    return parsed.success && commit !== undefined ? [{ at: Date.parse(parsed.data.at), commit }] : [];
  });
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function lineOf({ at, commit }: { readonly at: number; readonly commit: ObjectId }): string {
  return `${JSON.stringify({ at: new Date(at).toISOString(), commit })}\n`;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return '';
    throw error;
  }
}

function signatureOf(path: string): string {
  const stats = statSync(path, { bigint: true, throwIfNoEntry: false });
  return stats === undefined ? 'absent' : `${stats.ino}:${stats.size}:${stats.mtimeNs}`;
}
