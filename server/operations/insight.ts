import { setTimeout as delay } from 'node:timers/promises';
import type { ShownPreview } from '../../protocol/api/changes.ts';
import { floorHour, hourOf, parseTagName, type TagName } from '../../protocol/names.ts';
import { type Advice, type AdviceQuestion, adviseMark } from '../core/advice.ts';
import type { Move } from '../core/effect.ts';
import { markOf, stops } from '../core/marks.ts';
import { findTag, newestAtOrBefore, type TagRecord } from '../core/tag.ts';
import type { World } from '../core/world.ts';
import { shownComparison, sidesOf } from './compare.ts';
import type { Context } from './context.ts';

export interface Insight {
  readonly changes: ShownPreview['changes'];
  readonly advice: Advice | null;
  /** What could not be looked at, in words. */
  readonly unknown: readonly string[];
}

export interface InsightQuestion {
  readonly before: World;
  readonly after: World;
  readonly moves: readonly Omit<Move, 'nodes'>[];
  readonly waves: readonly Omit<Move, 'nodes'>[];
  readonly marks: readonly { readonly tag: TagName; readonly state: 'good' | 'bad' | 'badfwd' | 'none' }[];
  readonly patienceMs: number;
}

/** So many pairs of tags, and files of each, are shown. */
const PAIRS = 12;
const FILES = 200;
/** An incident has rarely more tags than these; the first and the last of more tell as much. */
const MARKED = 6;

/** What the repository says of a change: which files it moves, and which mark fits. Gives up after a while. */
export async function insightInto(context: Context, question: InsightQuestion): Promise<Insight> {
  const over = new AbortController();
  const late = delay(question.patienceMs, undefined, { signal: over.signal }).catch(() => undefined);
  const [changes, advice] = await Promise.all([
    Promise.race([settled(changesOf(context, question)), late]),
    Promise.race([settled(adviceOf(context, question)), late]),
  ]);
  over.abort();
  const isKnown = changes !== undefined && advice !== undefined;
  return {
    changes: changes?.value ?? [],
    advice: advice?.value ?? null,
    unknown: isKnown ? [] : ['which files change could not be looked up in the repository'],
  };
}

/** Undefined where the repository cannot be read: the rest can be told all the same. */
async function settled<Value>(promise: Promise<Value>): Promise<{ readonly value: Value } | undefined> {
  return promise.then(
    (value) => ({ value }),
    () => undefined,
  );
}

type Named = TagName | 'trunk';

async function changesOf(context: Context, { moves, waves }: InsightQuestion): Promise<ShownPreview['changes']> {
  const pairs = new Map<string, readonly [Named, Named]>();
  for (const { from, to } of [...moves, ...waves]) {
    const [before, after] = [named(from), named(to)];
    if (before !== undefined && after !== undefined && before !== after) pairs.set(`${from} ${to}`, [before, after]);
  }
  const compared = [...pairs.values()].slice(0, PAIRS).map(async ([from, to]) => {
    const sides = sidesOf(context, from, to);
    if ('missing' in sides) return [];
    return [shownComparison(sides, await context.repository.compare(sides.from.tree, sides.to.tree), FILES)];
  });
  return (await Promise.all(compared)).flat();
}

function named(answer: string): Named | undefined {
  return answer === 'trunk' ? answer : parseTagName(answer);
}

async function adviceOf(context: Context, question: InsightQuestion): Promise<Advice | null> {
  const { marks, after, waves } = question;
  const stopping = marks.filter((mark) => mark.state === 'bad' || mark.state === 'badfwd');
  const tags = existing(after, [...new Set(stopping.map(({ tag }) => tag))]);
  const [first] = tags;
  if (first === undefined) return null;
  const state = stopping.some((mark) => mark.state === 'badfwd') ? 'badfwd' : 'bad';
  const last = tags.at(-1) ?? first;
  const [before, next] = [nearestFine(after, first, -1), nearestFine(after, last, 1)];
  const looked = tags.length > MARKED ? [...tags.slice(0, MARKED - 1), last] : tags;
  const changes =
    before === undefined
      ? []
      : await Promise.all(looked.map(async ({ tree }) => (await context.repository.compare(before.tree, tree)).counts));
  return adviseMark({
    state,
    tags: tags.map(({ name }) => name),
    before: before?.name ?? null,
    changes,
    next: next === undefined ? null : { tag: next.name, isSameContent: next.tree === last.tree },
    holding: waves.filter(({ from, to }) => from !== to && to === 'hold no-newer-tag').map(({ wave }) => wave),
    sentOn: sentOn(waves, last.name),
  });
}

/** Oldest first. */
function existing({ tags }: World, names: readonly TagName[]): TagRecord[] {
  return names.flatMap((name) => findTag(tags, name) ?? []).sort((one, other) => one.hour - other.hour);
}

/** The nearest older or newer tag that can be served now, and is stopped nowhere. */
function nearestFine({ now, tags, marks }: World, { hour }: TagRecord, step: 1 | -1): TagRecord | undefined {
  const isFine = ({ name, broken }: TagRecord): boolean =>
    broken === null && ![...marks.environments].some((environment) => stops(markOf(marks, name, environment)?.state));
  const start = newestAtOrBefore(tags, hour) + step;
  for (let tag = tags[start], index = start; tag !== undefined; index += step, tag = tags[index])
    if (tag.hour <= floorHour(now) && isFine(tag)) return tag;
  return undefined;
}

/** Waves that move to a tag newer than those that are marked. */
function sentOn(waves: InsightQuestion['waves'], last: TagName): AdviceQuestion['sentOn'] {
  return waves.flatMap(({ wave, from, to }) => {
    const tag = parseTagName(to);
    return tag === undefined || from === to || hourOf(tag) <= hourOf(last) ? [] : [{ wave, tag }];
  });
}
