import { describe, expect, test } from 'vitest';
import { forecastSchema, mapSchema } from '../../protocol/api/train.ts';
import { BEFORE, NEWEST, TAGS, testBase, useBases } from './base.ts';

useBases();

const HOURS = ['--hours', '48'];

describe('map', () => {
  test('draws where each wave is, and what comes next', async () => {
    const { run } = await testBase({ tagstate: `${NEWEST} bad broke ntp\n` });
    const { code, stdout, stderr } = await run(['map', ...HOURS]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const lines = stdout.split('\n');
    // Nobody says what they run.
    expect(lines.find((line) => line.startsWith('development+0h'))).toMatch(/ 1 {2}.*\[0\] ✕1\?/);
    expect(lines.find((line) => line.startsWith('production+4h'))).toMatch(/ 3 {2}.*\[0\] ✕3\?/);
    expect(stdout).toContain('1 silent');
    expect(stdout).toMatch(/✕ bad .*Change number 4: broke ntp/);
    expect(stdout).toMatch(/^NEXT +NOW( +\d\d:00){6}$/m);
  });

  test('is not painted where nobody looks, unless that is asked for, and never where NO_COLOR says so', async () => {
    const { run } = await testBase({ tagstate: `${BEFORE} bad broke ntp\n` });
    const painted = '\u001b[31m✕';
    expect((await run(['map', ...HOURS])).stdout).not.toContain('\u001b');
    expect((await run(['map', ...HOURS], { env: { FORCE_COLOR: '1' } })).stdout).toContain(painted);
    const refused = await run(['map', ...HOURS], { env: { FORCE_COLOR: '1', NO_COLOR: '1' } });
    expect(refused.stdout).not.toContain('\u001b');
    expect(refused.stdout).toContain('✕');
  });

  test('with --json is what the page is told', async () => {
    const { json } = await testBase();
    const { code, value } = await json(['map', ...HOURS, '--ahead', '2']);
    expect(code).toBe(0);
    const map = mapSchema.strict().parse(value);
    expect(map.tags.map(({ name }) => name)).toEqual(TAGS);
    expect(map.waves.map(({ answer, nodes, path }) => [answer, nodes, path.length])).toEqual([
      [NEWEST, 1, 2],
      [NEWEST, 3, 2],
    ]);
    expect(map.tags.at(-1)?.size).toEqual({ files: 1, insertions: 1, deletions: 1 });
  });

  test('tells of the killswitch before all else', async () => {
    const { run } = await testBase({ 'killswitch.d/production': 'ntp is broken\n' });
    const [, first] = (await run(['map', ...HOURS])).stdout.split('\n');
    expect(first).toBe('KILLSWITCH stops production: ntp is broken');
  });

  test('of a past of which nothing is recorded, says so', async () => {
    const { run } = await testBase();
    const { code, stderr } = await run(['map', '--at', '2020-01-01T00:00Z']);
    expect(code).toBe(1);
    expect(stderr).toContain('nothing is known of 2020-01-01T00:00:00.000Z');
  });

  test('what cannot be is refused in words', async () => {
    const { run } = await testBase();
    for (const args of [
      ['--hours', '0'],
      ['--hours', 'x'],
      ['--ahead', '73'],
      ['--at', 'yesterday'],
    ]) {
      const { code, stderr } = await run(['map', ...args]);
      expect(code, args.join(' ')).toBe(2);
      expect(stderr).toContain(args[1]);
    }
  });
});

describe('forecast', () => {
  test('tells each wave by the hour, and what it takes for granted', async () => {
    const { run } = await testBase();
    const { code, stdout } = await run(['forecast', '--hours', '5']);
    expect(code).toBe(0);
    const [head, development, production, ...notes] = stdout.trimEnd().split('\n');
    expect(head).toMatch(/^NEXT +NOW( +\d\d:00){5}$/);
    const hours = head?.match(/\d\d:00/g) ?? [];
    // Development is told each tag as soon as it is made.
    expect(development).toMatch(new RegExp(`^development\\+0h .*${hours.join(' +')}$`));
    expect(production).toMatch(new RegExp(`${hours[0]}$`));
    expect(notes.join()).toContain('one unmarked tag an hour');
  });

  test('with --json is what the page is told', async () => {
    const { json } = await testBase({ killswitch: 'stop\n' });
    const { value } = await json(['forecast']);
    const { waves, hours } = forecastSchema.strict().parse(value);
    expect(hours).toBe(6);
    expect(waves.map(({ nodes, steps }) => [nodes, steps.map(({ answer }) => answer)])).toEqual([
      [1, Array(7).fill('killswitch')],
      [3, Array(7).fill('killswitch')],
    ]);
  });

  test('what cannot be is refused in words', async () => {
    const { run } = await testBase();
    const { code, stderr } = await run(['forecast', '--hours', '1000']);
    expect(code).toBe(2);
    expect(stderr).toContain('at most 336');
  });
});
