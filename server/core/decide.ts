import type { HoldCode } from '../../protocol/errors.ts';
import { floorHour, type Hour, startOf, type TagName, tagNameOf } from '../../protocol/names.ts';
import { describeBroken } from './broken.ts';
import { describeMark, type Mark, type Marks, markOf, stops } from './marks.ts';
import type { Wave } from './schedule.ts';
import { newestAtOrBefore, type Tag } from './tag.ts';
import { count, instant } from './wording.ts';

/** What a node gets, with the steps taken. */
export type Decision =
  | { readonly outcome: 'serve'; readonly tag: TagName | 'trunk'; readonly reasons: readonly string[] }
  | { readonly outcome: 'hold'; readonly hold: HoldCode; readonly message: string; readonly reasons: readonly string[] }
  | {
      readonly outcome: 'killswitch';
      /** `null` = the global one. */
      readonly environment: string | null;
      readonly message: string;
      readonly reasons: readonly string[];
    };

export type ScheduledWave = Pick<Wave, 'name' | 'environment' | 'hours' | 'require' | 'lookbackHours'>;

export interface ScheduleQuestion {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** Existing tags, broken or not, oldest first. */
  readonly tags: readonly Tag[];
  readonly marks: Marks;
  readonly wave: ScheduledWave;
}

/**
 * Which tag a wave has now. The story behind it: a bad change is committed at 08:00, noticed at 10:00 and fixed in the 11:00
 * tag. Mark 08, 09 and 10 `bad`: development and QA return to 07:00, staging and production stay there, and 11:00 makes its
 * way through everyone. If the bad change added a file that 07:00 does not manage, going back would leave it in place: mark
 * them `badfwd`, and everyone whose due tag is one of them goes straight to 11:00.
 */
export function decideBySchedule(question: ScheduleQuestion): Decision {
  const { now, tags, marks, wave } = question;
  const dueAt = floorHour(now) - wave.hours;
  const index = newestAtOrBefore(tags, dueAt);
  const due = tags[index];
  if (due === undefined) return noTagOldEnough(question);
  const steps = [dueStep(wave, due, dueAt)];
  const mark = markOf(marks, due.name, wave.environment);
  if (mark?.state !== 'badfwd') return goBack(question, { due, index, steps });
  steps.push(`${describeMark(due.name, mark)}: going forward`);
  return goForward(question, { due, index, steps });
}

/** Whether a tag with this mark may be served to those who require `good`, or only that it is not bad. */
export function acceptable(tag: Tag, mark: Mark | undefined, require: Wave['require']): boolean {
  if (tag.broken !== null) return false;
  return require === 'good' ? mark?.state === 'good' : !stops(mark?.state);
}

interface Due {
  readonly due: Tag;
  readonly index: number;
  readonly steps: readonly string[];
}

/** The newest acceptable tag at or before due, within the lookback. */
function goBack(question: ScheduleQuestion, { due, index, steps }: Due): Decision {
  const { wave } = question;
  const oldest = wave.require === 'good' ? Number.NEGATIVE_INFINITY : due.hour - (wave.lookbackHours - wave.hours);
  const { found, reasons } = walk(question, { from: index, step: -1, until: oldest });
  if (found !== undefined) return { outcome: 'serve', tag: found, reasons: [...steps, ...reasons] };
  const range = wave.require === 'good' ? 'of any age' : `within ${count(wave.lookbackHours, 'hour')} of lookback`;
  const remedy =
    wave.require === 'good'
      ? 'mark one good with "tagwave-server mark TAG good"'
      : 'take the mark off one that is fine after all ("tagwave-server mark TAG none"), or pin the host to an older tag';
  const message = `${whoIs(wave)} keeps what it has: no tag ${range} is acceptable, going back from ${due.name}; ${remedy}`;
  return { outcome: 'hold', hold: 'no-acceptable-tag', message, reasons: [...steps, ...reasons] };
}

/** The oldest acceptable tag newer than due; one ahead of now is never served. */
function goForward(question: ScheduleQuestion, { due, index, steps }: Due): Decision {
  const { now, wave } = question;
  const { found, reasons } = walk(question, { from: index + 1, step: 1, until: floorHour(now) });
  if (found !== undefined) return { outcome: 'serve', tag: found, reasons: [...steps, ...reasons] };
  const kind = wave.require === 'good' ? 'newer tag is marked good' : 'newer tag is acceptable';
  const remedy =
    wave.require === 'good'
      ? 'once a fixed tag exists, mark it good'
      : `commit the fix before ${instant(startOf(floorHour(now) + 1))}, when the next tag is made`;
  const message = `${whoIs(wave)} keeps what it has: ${due.name} is badfwd and no ${kind} yet; ${remedy}`;
  return { outcome: 'hold', hold: 'no-newer-tag', message, reasons: [...steps, ...reasons] };
}

interface Walk {
  readonly from: number;
  readonly step: 1 | -1;
  /** The last hour to look at. */
  readonly until: Hour;
}

/** Looks at one tag after the other until one is acceptable. */
function walk(question: ScheduleQuestion, { from, step, until }: Walk): { found?: TagName; reasons: string[] } {
  const { tags, marks, wave } = question;
  for (let index = from; ; index += step) {
    const tag = tags[index];
    const passed = { from, step, number: Math.abs(index - from) };
    if (tag === undefined || (tag.hour - until) * step > 0) return { reasons: tellPassed(question, passed) };
    const mark = markOf(marks, tag.name, wave.environment);
    if (!acceptable(tag, mark, wave.require)) continue;
    return {
      found: tag.name,
      reasons: [...tellPassed(question, passed), `${describeMark(tag.name, mark)}: serving it`],
    };
  }
}

const TOLD = 10;

/** Why tags were passed over: the first ten one by one, the rest as a number, or nobody would read it. */
function tellPassed(question: ScheduleQuestion, passed: { from: number; step: 1 | -1; number: number }): string[] {
  const { tags, marks, wave } = question;
  const reasons: string[] = [];
  for (let nth = 0; nth < passed.number && nth < TOLD; nth++) {
    const tag = tags[passed.from + nth * passed.step];
    if (tag !== undefined) reasons.push(whyNot(tag, markOf(marks, tag.name, wave.environment), wave));
  }
  const last = tags[passed.from + (passed.number - 1) * passed.step];
  if (passed.number > TOLD && last !== undefined)
    reasons.push(`${count(passed.number - TOLD, 'more tag')}, as far as ${last.name}, not acceptable either`);
  return reasons;
}

function whyNot(tag: Tag, mark: Mark | undefined, wave: ScheduledWave): string {
  if (tag.broken !== null) return describeBroken(tag.name, tag.broken);
  const described = describeMark(tag.name, mark);
  return mark === undefined ? `${described}, and ${whoIs(wave)} takes only tags marked good` : described;
}

function dueStep(wave: ScheduledWave, due: Tag, dueAt: Hour): string {
  const gap = due.hour === dueAt ? '' : ` (the newest before ${tagNameOf(dueAt)}, which does not exist)`;
  return `${whoIs(wave)} lags ${count(wave.hours, 'hour')}; due is ${due.name}${gap}`;
}

function noTagOldEnough({ now, tags, wave }: ScheduleQuestion): Decision {
  const first = tags[0];
  const step = `${whoIs(wave)} lags ${count(wave.hours, 'hour')}; no tag is that old`;
  const message =
    first === undefined
      ? `there is no tag yet: make one with "tagwave-server snapshot", or see with "tagwave-server status" why none was made`
      : `the oldest tag, ${first.name}, is due for ${whoIs(wave)} only at ${instant(startOf(first.hour + wave.hours))}; ` +
        `wait until then, or pin the host to a tag`;
  const standing = first === undefined ? 'there are no tags' : `the oldest is ${first.name}, and it is ${instant(now)}`;
  return { outcome: 'hold', hold: 'no-tag-old-enough', message, reasons: [step, standing] };
}

/** `production`, or `production (wave canary)` where the wave has a name of its own. */
function whoIs({ name, environment, hours }: ScheduledWave): string {
  return name === `${environment}+${hours}h` ? environment : `${environment} (wave ${name})`;
}
