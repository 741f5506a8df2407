import type { Report } from '../../protocol/assignment.ts';
import type { Digest, Hostname, ObjectId, TagName } from '../../protocol/names.ts';
import { hourOf } from '../../protocol/names.ts';
import type { NewEvent } from '../../server/core/event.ts';
import type { TagRecord } from '../../server/core/tag.ts';
import type { Poll, Told } from '../../server/ports/store.ts';

/** 2026-11-20T08:00Z; the samples' times are seconds from here. */
export const START = Date.UTC(2026, 10, 20, 8);
export const at = (seconds: number): number => START + seconds * 1000;
export const host = (name: string): Hostname => `${name}.example` as Hostname;
export const tag = (hour: string): TagName => `etchautotag-20261120-${hour}00` as TagName;
export const digest = (hex: string): Digest => `sha256:${hex.repeat(64)}` as Digest;

export function told(seconds: number, changes: Partial<Told> = {}): Told {
  return {
    at: at(seconds),
    environment: 'production',
    wave: 'production+4h',
    groups: ['web', 'prod'],
    outcome: 'serve',
    tag: tag('08'),
    digest: digest('a'),
    hold: null,
    message: null,
    reasons: ['production lags 4 hours', 'etchautotag-20261120-0800 is unmarked: serving it'],
    ...changes,
  };
}

export function poll(name: string, seconds: number, changes: Partial<Told> = {}): Poll {
  return { hostname: host(name), at: at(seconds), running: digest('e'), told: told(seconds, changes) };
}

export function report(runId: string, changes: Partial<Report> = {}): Report {
  return {
    runId,
    tag: tag('08'),
    digest: digest('a'),
    outcome: 'applied',
    startedAt: '2026-11-20T09:00:00+01:00',
    durationMs: 812,
    changed: 3,
    ...changes,
  };
}

export function event(seconds: number, changes: Partial<NewEvent> = {}): NewEvent {
  const rest = {
    by: 'server',
    from: null,
    subject: 'trunk',
    before: null,
    after: null,
    why: null,
    summary: `at ${seconds}`,
  };
  return { at: at(seconds), kind: 'fetch', ...rest, ...changes };
}

export function record(hour: string, changes: Partial<TagRecord> = {}): TagRecord {
  return {
    name: tag(hour),
    hour: hourOf(tag(hour)),
    broken: null,
    commit: 'c'.repeat(40) as ObjectId,
    tree: 'd'.repeat(40) as ObjectId,
    author: 'Ada <ada@example.org>',
    subject: 'Set the clock',
    created: new Date(Date.UTC(2026, 10, 20, Number(hour))).toISOString(),
    fetched: null,
    origin: 'cron',
    stale: false,
    commits: 2,
    ...changes,
  };
}
