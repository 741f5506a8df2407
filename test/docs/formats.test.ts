import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { floorHour, hourOf, parseTagName, tagNameOf } from '../../protocol/names.ts';
import { decideBySchedule } from '../../server/core/decide.ts';
import { parseNodeGroups } from '../../server/core/groups.ts';
import { automaticHalt } from '../../server/core/halt.ts';
import { groupByTag } from '../../server/core/marks.ts';
import { parseNodes } from '../../server/core/nodes.ts';
import { parsePins } from '../../server/core/pins.ts';
import { environmentsOf, parseSchedule, type Schedule } from '../../server/core/schedule.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';

const ROOT = join(import.meta.dirname, '../..');
const read = (name: string): Promise<string> => readFile(join(ROOT, name), 'utf8');

/** The first code block after a text of the README. */
async function example(after: string): Promise<string> {
  const text = await read('README.md');
  const [, block] = /```\w*\n([\s\S]*?)```/.exec(text.slice(text.indexOf(after))) ?? [];
  if (!text.includes(after) || block === undefined) throw new Error(after);
  return block;
}

async function sampleSchedule(): Promise<Schedule> {
  const parsed = parseSchedule(await read('samples/base/schedule.yml'));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed));
  return parsed.value;
}

describe('the examples of the README', () => {
  test('are valid control files', async () => {
    expect(parseSchedule(await example('**`schedule.yml`**'))).toEqual(
      parseSchedule(await read('samples/base/schedule.yml')),
    );
    expect(parseNodes(await example('**`nodes.yml`**'))).toMatchObject({ ok: true });
    expect(parseNodeGroups(await example('Groups contain groups'))).toMatchObject({ ok: true });
    expect(parsePins(await example('**`pins`**'))).toMatchObject({ problems: [], hostsUnreadable: false });
    const { lines, problems } = parseTagstate(await example('**`tagstate`**'), 'tagstate');
    expect(problems).toEqual([]);
    expect(lines.map(({ state }) => state)).toEqual(['bad', 'badfwd', 'good']);
  });

  test('name the tags that the schedule really gives at 14:25', async () => {
    const table = (await read('README.md')).matchAll(/^\| .* \| (\d) h \| (\d\d):00 \|$/gm);
    const rows = [...table].map(([, hours, hour]) => [Number(hours), Number(hour)]);
    expect(rows).toEqual((await sampleSchedule()).waves.map(({ hours }) => [hours, 14 - hours]));
  });
});

describe('tagstate.example', () => {
  test('can be copied as it is: it marks nothing', async () => {
    expect(parseTagstate(await read('tagstate.example'), 'tagstate')).toEqual({ lines: [], problems: [] });
  });

  test('gives only examples that are understood', async () => {
    const { lines, problems } = parseTagstate(await examples(/etchautotag|tags\//), 'tagstate');
    expect(problems).toEqual([]);
    expect(lines).toHaveLength(10);
    expect(lines.map(({ state }) => state)).toEqual([
      ...Array(3).fill('bad'),
      ...Array(3).fill('badfwd'),
      'bad',
      'good',
      'bad',
      'bad',
    ]);
    expect(lines.filter((line) => automaticHalt(line) !== undefined)).toHaveLength(1);
    expect(lines.every(({ reason }) => reason !== '')).toBe(true);
  });

  /** The indented lines, without their comment sign, that have such a word. */
  async function examples(word: RegExp): Promise<string> {
    const lines = (await read('tagstate.example'))
      .split('\n')
      .filter((line) => /^# {5}\S/.test(line) && word.test(line));
    return `${lines.map((line) => line.slice(1)).join('\n')}\n`;
  }

  /** What each wave gets at a time of 20 November 2026: an hour of that day, or the kind of hold. */
  async function waves(clock: string, marked: RegExp | null): Promise<(number | string)[]> {
    const schedule = await sampleSchedule();
    const now = Date.parse(`2026-11-20T${clock}:00Z`);
    const tags = Array.from({ length: 48 }, (_, index) => floorHour(now) - 47 + index).map((hour) => ({
      name: tagNameOf(hour),
      hour,
      broken: null,
    }));
    const lines = marked === null ? [] : parseTagstate(await examples(marked), 'tagstate').lines;
    const marks = { base: groupByTag(lines), repository: new Map(), environments: environmentsOf(schedule) };
    const midnight = hourOf(parseTagName('etchautotag-20261120-0000') ?? tagNameOf(0));
    return schedule.waves.map((wave) => {
      const decision = decideBySchedule({ now, tags, marks, wave });
      if (decision.outcome !== 'serve') return decision.outcome === 'hold' ? decision.hold : decision.outcome;
      return decision.tag === 'trunk' ? 'trunk' : hourOf(decision.tag) - midnight;
    });
  }

  test('tells the story as it happens: who has the bad tags at 10:20', async () => {
    expect(await waves('10:20', null)).toEqual([10, 9, 8, 7, 6]);
    expect((await waves('11:00', null))[3]).toBe(8);
  });

  test('tells the story as it happens: marked bad, all return to 07:00 or come as far as it, and the fix soaks', async () => {
    const bad = /-(08|09|10)00 bad /;
    expect(await waves('10:25', bad)).toEqual([7, 7, 7, 7, 6]);
    expect(await waves('11:00', bad)).toEqual([11, 7, 7, 7, 7]);
    expect((await waves('12:00', bad))[1]).toBe(11);
    expect((await waves('13:00', bad))[2]).toBe(11);
    expect((await waves('14:00', bad))[3]).toBe(11);
    expect(await waves('15:00', bad)).toEqual([15, 14, 13, 12, 11]);
  });

  test('tells the story as it happens: marked badfwd, those who are due one keep what they have until 11:00', async () => {
    const badfwd = /-(08|09|10)00 badfwd /;
    expect(await waves('10:25', badfwd)).toEqual(['no-newer-tag', 'no-newer-tag', 'no-newer-tag', 7, 6]);
    expect(await waves('11:00', badfwd)).toEqual([11, 11, 11, 11, 7]);
    expect(await waves('12:00', badfwd)).toEqual([12, 11, 11, 11, 11]);
  });
});
