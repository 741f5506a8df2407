import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type EtchHours, readHours } from '../../server/core/etch/hours.ts';
import { environmentFor, scheduleText } from '../../server/core/etch/schedule-text.ts';
import { parseSchedule } from '../../server/core/schedule.ts';

const SAMPLE = readFileSync(join(import.meta.dirname, 'rig/nodetagger.rb'), 'utf8');

function hoursIn(text: string): EtchHours {
  const read = readHours(text);
  if (read.kind !== 'read') throw new Error(JSON.stringify(read));
  return read.hours;
}

function whyNot(text: string): string {
  const read = readHours(text);
  return read.kind === 'unreadable' ? read.why : `it was read: ${JSON.stringify(read)}`;
}

/** The sample with one thing other. */
function changed(from: string, to: string): string {
  expect(SAMPLE).toContain(from);
  return SAMPLE.replace(from, to);
}

const LADDER = [
  { groups: ['dev', 'int'], hours: 0 },
  { groups: ['qa'], hours: 1 },
  { groups: ['stg'], hours: 2 },
];
const PLACE = "node_group_names.include?('prod-east')";

test('the hours of a nodetagger of the well-known shape are read, in the order in which they count', () => {
  expect(hoursIn(SAMPLE)).toEqual({
    rungs: [...LADDER, { groups: ['prod-east'], hours: 3 }],
    otherwise: 4,
    lookbackHours: 72,
    require: 'not-bad',
  });
});

test('a place that was left for the site to fill in, and that never is reached, counts for nothing', () => {
  expect(hoursIn(changed(PLACE, 'false')).rungs).toEqual(LADDER);
});

test('a lookback of its own, a wish for good tags, and words for the same are read', () => {
  expect(hoursIn(changed('upto(24*3)', 'upto(24 * 7)')).lookbackHours).toBe(168);
  expect(hoursIn(changed('findautotag(hours)', 'findautotag(hours, true)')).require).toBe('good');
  expect(
    hoursIn(changed("when node_group_names.include?('qa')", 'when (node_group_names.include? "qa")')).rungs,
  ).toContainEqual({
    groups: ['qa'],
    hours: 1,
  });
  const elsif = SAMPLE.replace('    case\n    when', '    if').replaceAll('    when', '    elsif');
  expect(hoursIn(elsif)).toEqual(hoursIn(SAMPLE));
});

test('of blocks one after the other the last that applies wins, as in Ruby', () => {
  const later = changed(
    `    if hours == DEFAULT_HOURS\n      if ${PLACE}\n        hours = 3\n      end\n    end\n`,
    `    hours = 7 if ${PLACE}\n    hours = 8 if node_group_names.include?('slow')\n`,
  );
  expect(hoursIn(later).rungs).toEqual([
    { groups: ['slow'], hours: 8 },
    { groups: ['prod-east'], hours: 7 },
    ...LADDER,
  ]);
});

test('a script without a command is one that says nothing', () => {
  expect(readHours('#!/bin/sh\n\n# To be filled in.\n')).toEqual({ kind: 'says-nothing' });
});

describe('better none than half of what a script says: it is not read where', () => {
  test.each([
    ['it is in another language', changed('#!/usr/bin/ruby -w', '#!/bin/sh'), 'not the Ruby script'],
    ['hours go by something else than groups', changed(PLACE, 'name =~ /east/'), 'name =~ /east/'],
    ['hours go by a part of the name', changed(PLACE, "name.include?('east')"), "name.include?('east')"],
    ['a group must be missing', changed(PLACE, `!${PLACE}`), `!${PLACE}`],
    ['a group is only half of it', changed(PLACE, `${PLACE} && Time.now.hour > 8`), 'Time.now.hour > 8'],
    ['hours are calculated', changed('hours = 2', 'hours = 2 * factor'), 'no number'],
    ['hours are changed afterwards', changed('  tag = results', '  hours += 1\n  tag = results'), 'no number'],
    [
      'hours depend on the day',
      changed('    case\n', '    if Time.now.sunday?\n    case\n').replace('    # The half', '    end\n    # The half'),
      'Time.now.sunday?',
    ],
    ['another group has the usual hours first', changed('hours = 2', 'hours = 4'), 'may get others'],
    [
      'who is unknown gets other hours',
      changed('  tag = results', '  else\n    hours = 9\n  tag = results'),
      'more than one number',
    ],
    ['hours are set twice in one place', changed('hours = 2', 'hours = 2\n      hours = 1'), 'twice'],
    ['tags have other names', changed('etchautotag-%Y%m%d-%H00', 'release-%Y%m%d'), 'name of a tag'],
    ['it does not go forward', changed('.downto(0)', '.pred.times'), 'forward'],
    ['it looks back by a name', changed('upto(24*3)', 'upto(LIMIT)'), 'how far it looks back'],
    ['it chooses more than once', `${SAMPLE}puts findautotag(hours)\n`, 'exactly once'],
    ['whether a tag must be good depends', changed('findautotag(hours)', 'findautotag(hours, careful)'), 'careful'],
    ['the usual hours come last', changed('hours = DEFAULT_HOURS\n', ''), 'set first'],
  ])('%s', (_, text, why) => {
    expect(whyNot(text)).toContain(why);
  });
});

test('the schedule that is written means what was read, whatever groups are called', () => {
  const hours: EtchHours = {
    rungs: [
      { groups: ['dev', 'no'], hours: 0 },
      { groups: ['prod-a', '0x10', "o'neil", 'a:b'], hours: 3 },
      { groups: ['prod-b'], hours: 3 },
      { groups: ['ÄÖ'], hours: 90 },
    ],
    otherwise: 4,
    lookbackHours: 168,
    require: 'not-bad',
  };
  const parsed = parseSchedule(scheduleText(hours, '/etc/etchserver'));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.errors));
  expect(parsed.value.waves.map(({ groups, hours, lookbackHours }) => ({ groups, hours, lookbackHours }))).toEqual(
    [...hours.rungs, { groups: [], hours: 4 }].map((rung) => ({ ...rung, lookbackHours: 168 })),
  );
  expect(parsed.value.waves.map(({ name }) => name)).toEqual([
    'development+0h',
    'production+3h',
    'production+3h-2',
    'other+90h',
    'production+4h',
  ]);
});

test('environments are called after groups, as sites call them', () => {
  const groups = ['dev', 'integration', 'qa', 'stg', 'preprod', 'prod-east', 'Web Farm', '--'];
  expect(groups.map(environmentFor)).toEqual([
    'development',
    'development',
    'qa',
    'staging',
    'staging',
    'production',
    'web-farm',
    'other',
  ]);
});
