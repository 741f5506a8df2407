import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { TrainMap } from '../../protocol/api/train.ts';
import { shown } from '../../server/cli/ink.ts';
import { mapLines } from '../../server/cli/map.ts';
import { drawMap } from '../../server/cli/map-drawing.ts';
import { ASCII, answerLabel, brief, SYMBOLS, symbolsFor } from '../../server/cli/map-symbols.ts';
import { ago, fleet, NIGHT, nodes, scene } from './map-samples.ts';

/** As it stands on the screen. */
function drawn(map: TrainMap, width: number, symbols = SYMBOLS): string {
  const lines = mapLines(map, { width, symbols }).map((line) => stripVTControlCharacters(shown(line)));
  return `\n${lines.join('\n')}\n`;
}

function gridOf(map: TrainMap, width: number): string {
  const lines = drawMap(map, { width, symbols: SYMBOLS });
  return lines
    .map((line) =>
      line
        .map((span) => (typeof span === 'string' ? span : span[0]))
        .join('')
        .trimEnd(),
    )
    .join('\n');
}

/** Each wave's row of the map itself. */
function row(map: TrainMap, wave: string, width = 120): string {
  return (
    gridOf(map, width)
      .split('\n')
      .find((line) => line.startsWith(wave)) ?? ''
  );
}

describe('a quiet night', () => {
  test('in 80 columns', () => {
    expect(drawn(scene(), 80)).toMatchInlineSnapshot(`
      "
      Sat 21 Nov 03:20 UTC  4982 nodes  no problems

                           Fri 20 Nov                      Sat 21 Nov
                           09   12   15   18   21  23      00   01   02   03
                           ●  ··●  ··●  ··●  ··●  ··      │●    ·    ·    ●    ┊
      development+0h   12                                 │               [12] ┊››››››
      qa+1h            24                                 │          [24] ›    ┊›››››
      staging+2h       38                                 │     [38] ›    ›    ┊››››
      canary           96                                 │[96] ›    ›    ›    ┊›››
      production+4h  4.8k                          [4.8k] │›    ›    ›    ›    ┊››

      ● new commit  · same commit  [n] gets it now  › in the next 6 h

      NEXT            NOW        04:00  05:00  06:00  07:00  08:00  09:00
      development+0h  03:00      04:00  05:00  06:00  07:00  08:00  09:00
      qa+1h           02:00      03:00  04:00  05:00  06:00  07:00  08:00
      staging+2h      01:00      02:00  03:00  04:00  05:00  06:00  07:00
      canary          00:00      01:00  02:00  03:00  04:00  05:00  06:00
      production+4h   Fri 23:00  00:00  01:00  02:00  03:00  04:00  05:00

      TAG    MARK  SIZE        WHO           COMMIT
      03:00        +9 -1 in 4  Ada Lovelace  Let the web servers breathe
      00:00        +6 -5 in 1  Ada Lovelace  Set the clock by our own servers
      "
    `);
  });

  test('in 160 columns, of which the map takes as many as it has hours for', () => {
    expect(gridOf(scene({ commits: [30, 12, 3] }), 160)).toMatchInlineSnapshot(`
      "Sat 21 Nov 03:20 UTC  4982 nodes  no problems

                           Wed 18 Nov           Thu 19 Nov                 Fri 20 Nov                       Sat 21 Nov
                                                                     21                   15        23      00   01   02   03
                           ····················│·····················●  ··│···············●  ········      │●    ·    ·    ·    ┊
      development+0h   12                      │                          │                                │               [12] ┊››››››
      qa+1h            24                      │                          │                                │          [24] ›    ┊›››››
      staging+2h       38                      │                          │                                │     [38] ›    ›    ┊››››
      canary           96                      │                          │                                │[96] ›    ›    ›    ┊›››
      production+4h  4.8k                      │                          │                         [4.8k] │›    ›    ›    ›    ┊››

      ● new commit  · same commit  [n] gets it now  › in the next 6 h"
    `);
  });
});

const INCIDENT = {
  tagstate: `${ago(2)} bad broke ntp\n${ago(3)} badfwd\n${ago(0)} good:production fine\n`,
  broken: [1],
  missing: [9],
  problems: 2,
  counts: [
    ...fleet().slice(0, 4),
    nodes('production+4h', 4_500, ago(4)),
    nodes('production+4h', 300, ago(4), { running: ago(5) }),
    nodes('production+4h', 12, ago(4), { running: ago(5), failing: 12 }),
    nodes('production+4h', 4, 'hold no-acceptable-tag'),
    nodes('production+4h', 7, ago(80), { silent: 7 }),
  ],
};

test('an incident: what is marked, what is passed over, who fails, who holds and who is silent', () => {
  expect(drawn(scene(INCIDENT), 80)).toMatchInlineSnapshot(`
    "
    Sat 21 Nov 03:20 UTC  4993 nodes  2 problems ("tagwave-server status")

                         Fri 20 Nov                         Sat 21 Nov
                           15    19  21 22    23            00  01  02 03
                         ··●  ·· ●  ·●  ·     ·            │●   ·   !  ●    ┊
    development+0h   12                                    │»   ✕      [12] ┊››››››
    qa+1h            24                       [0]          │»   ✕   24 ›    ┊›››››
    staging+2h       38                       [0]          │»   ✕38    ›    ┊››››
    canary           96                       ›            │»96 ✕      ✓[0] ┊›››
    production+4h  4.8k                 (312) [4.5k/4.8k!] │»   ✕      ✓›   ┊››
                         12 failing (on Fri 23:00) · 4 hold no-acceptable-tag
                         7 silent · 7 on Tue 19:00 · 4 run something unknown

    ● new commit  · same commit  ! broken  ✕ bad  » badfwd  ✓ good  [n] gets it now
    › in the next 6 h  n/m n of m run it  (n) run it still  n! failing

    NEXT            NOW        04:00        05:00        06:00      07:00  08:00
    development+0h  03:00      04:00        05:00        06:00      07:00  08:00
    qa+1h           Fri 23:00  03:00        04:00        05:00      06:00  07:00
    staging+2h      Fri 23:00  Fri 23:00    03:00        04:00      05:00  06:00
    canary          03:00      ← Fri 23:00  Fri 23:00    03:00      04:00  05:00
    production+4h   Fri 23:00  03:00        ← Fri 23:00  Fri 23:00  03:00  04:00

    TAG    MARK      SIZE        WHO           COMMIT
    03:00  ✓ good    +8 -0 in 3  Ada Lovelace  Let the web servers breathe: fine
    00:00  » badfwd  +5 -4 in 4  Ada Lovelace  Set the clock by our own servers
    "
  `);
});

test('the killswitch stands above all else, with who knows of it and who does not', () => {
  const killed = scene({
    killswitch: { environments: new Map([['production', 'ntp is broken\nask Ada']]) },
    stops: [
      {
        environment: 'production',
        stopsAll: false,
        message: 'ntp is broken\nask Ada',
        version: '1',
        since: new Date(NIGHT - 600_000).toISOString(),
        by: 'alice',
        nodes: 4_908,
        told: 4_812,
        slowestSeconds: 38.2,
        silent: ['web1.example.com', 'web2.example.com', 'web3.example.com'],
      },
    ],
    counts: [
      ...fleet().slice(0, 3),
      nodes('canary', 96, 'killswitch', { environment: 'production', running: ago(3) }),
      nodes('production+4h', 4_812, 'killswitch', { running: ago(4) }),
    ],
  });
  expect(drawn(killed, 80)).toMatchInlineSnapshot(`
    "
    Sat 21 Nov 03:20 UTC  4982 nodes  no problems
    KILLSWITCH stops production: ntp is broken
      4812 of 4908 told, the slowest after 38 s · since 03:10 · by alice
      not yet: web1.example.com, web2.example.com, web3.example.com and 93 more

                         Fri 20 Nov                      Sat 21 Nov
                         09   12   15   18   21  23      00   01   02   03
                         ●  ··●  ··●  ··●  ··●  ··      │●    ·    ·    ●    ┊
    development+0h   12                                 │               [12] ┊››››››
    qa+1h            24                                 │          [24] ›    ┊›››››
    staging+2h       38                                 │     [38] ›    ›    ┊››››
    canary           96                                 │(96)                ┊
                         stopped by the killswitch · 96 told of it
    production+4h  4.8k                          (4.8k) │                    ┊
                         stopped by the killswitch · 4812 told of it

    ● new commit  · same commit  [n] gets it now  › in the next 6 h
    (n) run it still

    NEXT            NOW      04:00    05:00    06:00    07:00    08:00    09:00
    development+0h  03:00    04:00    05:00    06:00    07:00    08:00    09:00
    qa+1h           02:00    03:00    04:00    05:00    06:00    07:00    08:00
    staging+2h      01:00    02:00    03:00    04:00    05:00    06:00    07:00
    canary          stopped  stopped  stopped  stopped  stopped  stopped  stopped
    production+4h   stopped  stopped  stopped  stopped  stopped  stopped  stopped

    TAG    MARK  SIZE        WHO           COMMIT
    03:00        +9 -1 in 4  Ada Lovelace  Let the web servers breathe
    "
  `);
});

test('the past has no path, and says what is not known of it', () => {
  const past = drawn(scene({ tense: 'past' }), 80);
  expect(past).toContain('As it was on Sat 21 Nov 03:20 UTC');
  expect(past).not.toContain('NEXT');
  expect(past).toContain('(as it was recorded)');
});

test('a terminal that knows no more than ASCII is given no more', () => {
  const text = drawn(scene({ ...INCIDENT, tagstate: `${ago(2)} bad\n${ago(5)} badfwd\n${ago(8)} good\n` }), 80, ASCII);
  expect(text.replace(/[\x20-\x7e\n]/g, '')).toBe('');
  expect(symbolsFor({ LC_ALL: 'C', LANG: 'de_DE.UTF-8' })).toBe(ASCII);
  expect(symbolsFor({ LANG: 'de_DE.UTF-8' })).toBe(SYMBOLS);
  expect(symbolsFor({})).toBe(SYMBOLS);
});

describe('a cell tells', () => {
  const told = (more: object, count = 10) => scene({ counts: [nodes('qa+1h', count, ago(1), more)] });

  test('how many run what they were told, or of how many', () => {
    expect(row(told({}), 'qa+1h')).toContain('[10]');
    const some = scene({ counts: [nodes('qa+1h', 6, ago(1)), nodes('qa+1h', 4, ago(1), { running: ago(2) })] });
    expect(row(some, 'qa+1h')).toMatch(/\(4\) +\[6\/10\]/);
  });

  test('how many were told, where none of them says what it runs', () => {
    expect(row(told({ running: 'unknown' }), 'qa+1h')).toContain('[10?]');
  });

  test('where somebody fails', () => {
    expect(row(told({ failing: 3 }), 'qa+1h')).toContain('[10!]');
  });

  test('a mark only where it counts', () => {
    const marked = scene({ tagstate: `${ago(2)} bad:qa\n`, counts: [] });
    expect(row(marked, 'qa+1h')).toContain('✕');
    expect(row(marked, 'staging+2h')).not.toContain('✕');
  });
});

test('what no column shows is told below, so that no node is left out', () => {
  const lost = gridOf(
    scene({
      hours: 12,
      counts: [
        nodes('qa+1h', 3, ago(90)),
        nodes('qa+1h', 2, 'trunk', { running: 'trunk' }),
        nodes('qa+1h', 5, 'hold bad-pin'),
        nodes('gone+9h', 4, ago(3)),
        nodes('', 1, 'nothing', { environment: '' }),
      ],
    }),
    100,
  );
  for (const part of ['3 on Tue 09:00', '2 on trunk', '5 hold bad-pin', '4 nodes in gone+9h', '1 node in no wave'])
    expect(lost).toContain(part);
});

test('no line is longer than the terminal is wide, however narrow, and however much there is to tell', () => {
  for (const width of [60, 72, 80, 100, 132, 160, 200])
    for (const map of [scene(), scene(INCIDENT)])
      for (const line of drawn(map, width).split('\n')) expect(line.length, line).toBeLessThanOrEqual(width);
});

test('where nobody says how wide it is, all hours are shown, and nothing is left out', () => {
  const wide = gridOf(scene(INCIDENT), Number.POSITIVE_INFINITY);
  expect(wide.split('\n')[0]).toContain('4993 nodes');
  expect(wide).toContain('12 failing (on Fri 23:00) · 4 hold no-acceptable-tag · 7 silent · 7 on Tue 19:00');
  expect(wide).toContain('● new commit');
});

test('text from elsewhere cannot steer the terminal', () => {
  const [stop] = scene({
    stops: [
      {
        environment: null,
        stopsAll: true,
        message: 'stop\u001b[2J',
        version: '1',
        since: null,
        by: null,
        nodes: 1,
        told: 0,
        slowestSeconds: null,
        silent: [],
      },
    ],
  }).killswitch;
  expect(drawn(scene({ stops: stop === undefined ? [] : [stop] }), 80)).not.toContain('\u001b');
});

test('numbers and times are said in few letters', () => {
  expect([0, 999, 1_000, 4_812, 9_949, 9_960, 12_345, 100_000].map(brief)).toEqual([
    '0',
    '999',
    '1.0k',
    '4.8k',
    '9.9k',
    '10k',
    '12k',
    '100k',
  ]);
  expect(
    [ago(0), ago(4), ago(24 * 5), ago(24 * 20), 'trunk', 'killswitch', 'hold bad-pin', 'nothing'].map((answer) =>
      answerLabel(answer, NIGHT),
    ),
  ).toEqual(['03:00', 'Fri 23:00', 'Mon 03:00', '1 Nov 03:00', 'trunk', 'stopped', 'hold', 'nothing']);
});
