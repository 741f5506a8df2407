import * as fc from 'fast-check';
import { type Environment, type Hour, type TagName, tagNameOf } from '../../protocol/names.ts';
import { groupByTag, type MarkLine, type Marks } from '../../server/core/marks.ts';
import type { Tag } from '../../server/core/tag.ts';

/** Generators and short forms for tests of decisions. All hours lie on 2026-11-20 and the days around it. */

export const NOON: Hour = Date.UTC(2026, 10, 20, 12) / 3_600_000;
export const ENVIRONMENTS = ['qa', 'staging', 'production'] as Environment[];

export function at(time: string): number {
  return Date.parse(`2026-11-20T${time}:00Z`);
}

/** The tag of an hour of 2026-11-20. */
export function tagAt(hour: number): TagName {
  return tagNameOf(NOON - 12 + hour);
}

export function tagsAt(hours: Iterable<number>, broken: Iterable<number> = []): Tag[] {
  const unusable = new Set(broken);
  return [...hours].map((hour) => ({
    name: tagAt(hour),
    hour: NOON - 12 + hour,
    broken: unusable.has(hour) ? 'it holds a submodule' : null,
  }));
}

export function marksOf(base: readonly MarkLine[], repository: readonly MarkLine[] = []): Marks {
  return { base: groupByTag(base), repository: groupByTag(repository), environments: new Set(ENVIRONMENTS) };
}

export const hourArbitrary = fc.integer({ min: 0, max: 30 });

/** Lines for known and unknown environments, for all, and with a colon and nothing. */
export function linesArbitrary(
  source: MarkLine['source'],
  hours: fc.Arbitrary<number> = hourArbitrary,
): fc.Arbitrary<MarkLine[]> {
  const names = fc.array(fc.constantFrom<string>(...ENVIRONMENTS, 'prodution', ''), { maxLength: 3 });
  const line = fc.record({
    tag: hours.map(tagAt),
    state: fc.constantFrom('good', 'bad', 'badfwd'),
    environments: fc.option(names),
    reason: fc.constantFrom('', 'broke ntp'),
  });
  return fc
    .array(line, { maxLength: 12 })
    .map((lines) => lines.map((each, index): MarkLine => ({ ...each, line: index + 1, source })));
}

/** Tags with gaps, some of them broken. */
export const tagsArbitrary: fc.Arbitrary<Tag[]> = fc
  .record({
    hours: fc.uniqueArray(hourArbitrary, { maxLength: 20 }),
    broken: fc.uniqueArray(hourArbitrary, { maxLength: 4 }),
  })
  .map(({ hours, broken }) =>
    tagsAt(
      [...hours].sort((one, other) => one - other),
      broken,
    ),
  );

export const waveArbitrary = fc
  .record({
    environment: fc.constantFrom(...ENVIRONMENTS),
    hours: fc.integer({ min: 0, max: 12 }),
    require: fc.constantFrom('not-bad' as const, 'good' as const),
    further: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ environment, hours, require, further }) => ({
    name: `${environment}+${hours}h`,
    environment,
    hours,
    require,
    lookbackHours: hours + further,
  }));

export const questionArbitrary = fc.record({
  now: fc.integer({ min: at('00:00'), max: at('00:00') + 30 * 3_600_000 }),
  tags: tagsArbitrary,
  marks: fc
    .tuple(linesArbitrary('tagstate'), linesArbitrary('repository'))
    .map(([base, repository]) => marksOf(base, repository)),
  wave: waveArbitrary,
});
