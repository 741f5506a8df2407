import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { TagName } from '../../protocol/names.ts';
import { lineFor } from '../../server/core/marks.ts';
import { DEFAULT_SCHEDULE } from '../../server/core/schedule.ts';
import { type TestDesk, testDesk } from './desks.ts';

const [T7, T8] = ['etchautotag-20261120-0700', 'etchautotag-20261120-0800'] as [TagName, TagName];
const WAVES = (hours: number) => `waves:\n  - {environment: production, default: true, hours: ${hours}}\n`;

const hoursIn = (desk: TestDesk) => desk.controls().schedule.waves.map((wave) => wave.hours);
const stateOf = (desk: TestDesk, tag: TagName) => {
  const { marks, environments } = desk.controls();
  return lineFor(marks.get(tag), 'production', environments)?.state;
};
const problemsOf = (desk: TestDesk) => desk.controls().problems.map(({ sentence }) => sentence);
const refusalOf = (desk: TestDesk) => {
  const state = desk.desk.look();
  return state.kind === 'refused' ? state.errors.map(({ file, found }) => `${file}: ${found}`) : state.kind;
};

function becomeDirectory({ base, remove }: TestDesk, file: string): void {
  remove(file);
  mkdirSync(join(base, file));
}

describe('control files at the first start', () => {
  test('that are not there mean the defaults', async () => {
    const desk = await testDesk();
    const { schedule, pins, marks, killswitch, settings } = desk.controls();
    expect([schedule, pins.exact.size, marks.size, killswitch.global]).toEqual([DEFAULT_SCHEDULE, 0, 0, null]);
    expect(settings.settleSeconds).toBe(2);
    expect(problemsOf(desk)).toEqual([]);
  });

  test('that were written just now are waited for, each of them', async () => {
    const desk = await testDesk();
    desk.write('schedule.yml', WAVES(3));
    desk.write('tagstate', `${T8} bad\n`);
    expect(desk.desk.look()).toMatchObject({
      kind: 'starting',
      waitingFor: expect.arrayContaining(['schedule.yml', 'tagstate']),
    });
    desk.settle();
    expect([hoursIn(desk), stateOf(desk, T8)]).toEqual([[3], 'bad']);
  });

  test('that are invalid, empty or cannot be read refuse, all of them at once', async () => {
    const desk = await testDesk({
      'schedule.yml': 'waves: 7\n',
      'nodes.yml': '',
      pins: '= x\n',
      tagstate: Buffer.from([0]),
    });
    expect(refusalOf(desk)).toEqual([
      'schedule.yml: 7',
      'nodes.yml: an empty file',
      'pins: "="',
      'tagstate: it holds NUL bytes',
    ]);
    desk.write('schedule.yml', WAVES(1));
    desk.write('nodes.yml', '{}\n');
    desk.write('pins', '# none\n');
    desk.write('tagstate', '# none\n');
    desk.settle();
    expect(hoursIn(desk)).toEqual([1]);
  });

  test('do not keep the killswitch from stopping', async () => {
    const desk = await testDesk({ 'schedule.yml': 'waves: 7\n' });
    desk.write('killswitch', 'ask Ana\n');
    expect(desk.desk.look()).toMatchObject({ kind: 'refused', killswitch: { global: { message: 'ask Ana' } } });
    desk.remove('killswitch');
    mkdirSync(join(desk.base, 'killswitch.d'));
    desk.write('killswitch.d/production', '');
    // Which environments there are is not known: doubt stops all.
    expect(desk.desk.look()).toMatchObject({ killswitch: { global: { message: expect.any(String) } } });
  });
});

describe('a control file while the server runs', () => {
  test('takes effect two seconds after it was left alone', async () => {
    const desk = await testDesk({ 'schedule.yml': WAVES(3) });
    expect(hoursIn(desk)).toEqual([3]);
    desk.write('schedule.yml', WAVES(4));
    expect(hoursIn(desk)).toEqual([3]);
    desk.clock.advance(1_000);
    expect(hoursIn(desk)).toEqual([3]);
    desk.write('schedule.yml', WAVES(5));
    expect(hoursIn(desk)).toEqual([3]);
    desk.clock.advance(1_500);
    expect(hoursIn(desk)).toEqual([3]);
    desk.clock.advance(600);
    expect(hoursIn(desk)).toEqual([5]);
  });

  test('settles as fast as the settings say from the moment that they count', async () => {
    const desk = await testDesk({ 'server.yml': 'settle_seconds: 30\n', 'schedule.yml': WAVES(3) });
    expect(hoursIn(desk)).toEqual([3]);
    desk.write('schedule.yml', WAVES(4));
    desk.settle();
    expect(hoursIn(desk)).toEqual([3]);
    desk.clock.advance(30_000);
    expect(hoursIn(desk)).toEqual([4]);
  });

  test.each<[string, (desk: TestDesk) => void, RegExp]>([
    [
      'is truncated',
      (desk) => desk.write('schedule.yml', ''),
      /found an empty file; what it last said stays in effect$/,
    ],
    ['is cut off', (desk) => desk.write('schedule.yml', WAVES(3).slice(0, 40)), /; what it last said stays in effect$/],
    ['is deleted', (desk) => desk.remove('schedule.yml'), /^schedule\.yml is gone; what it last said stays in effect$/],
    ['becomes a directory', (desk) => becomeDirectory(desk, 'schedule.yml'), /found a directory; what/],
    [
      'becomes nonsense',
      (desk) => desk.write('schedule.yml', 'waves: "\n'),
      /expected valid YAML.*; what it last said stays/,
    ],
    [
      'becomes too large',
      (desk) => desk.write('schedule.yml', `# ${'x'.repeat(1024 * 1024)}\n`),
      /over the limit of 1 MiB; what/,
    ],
  ])(
    'that %s keeps its meaning, with a problem, also after a restart, until it is whole again',
    async (_what, harm, problem) => {
      const desk = await testDesk({ 'schedule.yml': WAVES(3), 'nodes.yml': '"dev*": [dev]\n' });
      expect(hoursIn(desk)).toEqual([3]);
      harm(desk);
      desk.settle();
      expect(hoursIn(desk)).toEqual([3]);
      expect(problemsOf(desk)).toEqual([expect.stringMatching(problem)]);
      const again = desk.restart();
      expect(hoursIn(again)).toEqual([3]);
      again.settle();
      expect(hoursIn(again)).toEqual([3]);
      expect(problemsOf(again)).toEqual([expect.stringMatching(problem)]);
      again.remove('schedule.yml');
      again.write('schedule.yml', WAVES(4));
      again.settle();
      expect(hoursIn(again)).toEqual([4]);
      expect(problemsOf(again)).toEqual([]);
    },
  );

  test('is the same object in effect for as long as nothing changes', async () => {
    const desk = await testDesk({ tagstate: `${T8} bad\n`, 'schedule.yml': WAVES(3) });
    const first = desk.controls();
    desk.settle();
    expect(desk.controls()).toBe(first);
    desk.write('tagstate', `${T8} bad # again\n`);
    desk.settle();
    expect(desk.controls()).not.toBe(first);
    expect(desk.controls().schedule).toBe(first.schedule);
  });
});

describe('marks', () => {
  test('that stop count at the next look, those that let go only once settled', async () => {
    const desk = await testDesk({ tagstate: `${T7} bad\n` });
    expect(stateOf(desk, T7)).toBe('bad');
    desk.write('tagstate', `${T7} good\n${T8} bad\n`);
    expect([stateOf(desk, T7), stateOf(desk, T8)]).toEqual(['bad', 'bad']);
    desk.settle();
    expect([stateOf(desk, T7), stateOf(desk, T8)]).toEqual(['good', 'bad']);
  });

  test.each<[string, (desk: TestDesk) => void]>([
    ['deleted', (desk) => desk.remove('tagstate')],
    ['emptied', (desk) => desk.write('tagstate', '')],
    ['binary', (desk) => desk.write('tagstate', Buffer.from([1, 0, 2]))],
    ['2 MiB', (desk) => desk.write('tagstate', 'x'.repeat(2 * 1024 * 1024))],
    ['a directory', (desk) => becomeDirectory(desk, 'tagstate')],
  ])('survive a tagstate that is %s, also across a restart', async (_what, harm) => {
    const desk = await testDesk({ tagstate: `${T8} bad broke ntp\n` });
    desk.controls();
    harm(desk);
    desk.settle();
    expect(stateOf(desk, T8)).toBe('bad');
    expect(problemsOf(desk)).toEqual([expect.stringMatching(/the known marks stay in effect$/)]);
    const again = desk.restart();
    again.settle();
    expect(stateOf(again, T8)).toBe('bad');
    expect(problemsOf(again)).toEqual([expect.stringMatching(/the known marks stay in effect$/)]);
  });

  test('made during a restart count at once where they stop, later where they let go', async () => {
    const desk = await testDesk({ tagstate: `${T7} bad\n` });
    desk.controls();
    desk.write('tagstate', `${T7} good\n${T8} bad\n`);
    const again = desk.restart();
    expect([stateOf(again, T7), stateOf(again, T8)]).toEqual(['bad', 'bad']);
    again.settle();
    expect([stateOf(again, T7), stateOf(again, T8)]).toEqual(['good', 'bad']);
  });

  test('whose record is lost are not taken for none where tagstate is gone as well', async () => {
    const desk = await testDesk({ tagstate: `${T8} bad\n` });
    desk.controls();
    desk.remove('tagstate');
    writeFileSync(join(desk.stateDir, 'marks-in-effect.json'), '{"version": 1, "marks": [');
    const again = desk.restart();
    again.settle();
    expect(refusalOf(again)).toEqual(['tagstate: no file']);
    again.write('tagstate', `${T8} badfwd\n`);
    again.settle();
    expect(stateOf(again, T8)).toBe('badfwd');
    expect(stateOf(again.restart(), T8)).toBe('badfwd');
  });
});

describe('what is in effect', () => {
  test('is in effect although it cannot be kept, with a trouble that ends when it can be', async () => {
    const desk = await testDesk({ 'schedule.yml': WAVES(3), tagstate: '# none\n' });
    desk.controls();
    renameSync(desk.stateDir, `${desk.stateDir}-away`);
    writeFileSync(desk.stateDir, 'no directory');
    desk.write('tagstate', `${T8} bad\n`);
    desk.write('schedule.yml', WAVES(4));
    desk.settle();
    expect([stateOf(desk, T8), hoursIn(desk)]).toEqual(['bad', [4]]);
    expect(desk.troubles).toEqual([expect.stringMatching(/ENOTDIR|EEXIST/)]);
    rmSync(desk.stateDir);
    renameSync(`${desk.stateDir}-away`, desk.stateDir);
    for (let looks = 0; looks < 50; looks++) desk.desk.look();
    expect(desk.troubles.slice(1)).toEqual([null]);
    expect(readFileSync(join(desk.stateDir, 'last-valid/schedule.yml'), 'utf8')).toBe(WAVES(4));
    desk.remove('tagstate');
    expect(stateOf(desk.restart(), T8)).toBe('bad');
  });

  test('is not replaced by defaults where it was kept and cannot be read', async () => {
    const desk = await testDesk({ 'schedule.yml': WAVES(3) });
    desk.controls();
    desk.remove('schedule.yml');
    const kept = join(desk.stateDir, 'last-valid/schedule.yml');
    rmSync(kept);
    mkdirSync(kept);
    const again = desk.restart();
    again.settle();
    expect(refusalOf(again)).toEqual(['schedule.yml: no file']);
    again.write('schedule.yml', WAVES(4));
    again.settle();
    expect(hoursIn(again)).toEqual([4]);
  });

  test('is told when it begins, once for each change, and at every start, so that a lost history knows it', async () => {
    const desk = await testDesk({ 'schedule.yml': WAVES(3), tagstate: `${T8} bad\n` });
    desk.controls();
    const told = (of: TestDesk) => of.changes.map(({ file, known }) => `${file} ${known}`).sort();
    const FILES = [
      'killswitch',
      'marks-in-effect.json',
      'nodegroups.yml',
      'nodes.yml',
      'pins',
      'schedule.yml',
      'server.yml',
      'tagstate',
    ];
    expect(desk.changes.map(({ file }) => file).sort()).toEqual(FILES);
    desk.settle();
    desk.changes.length = 0;
    desk.settle();
    expect(desk.changes).toEqual([]);

    desk.write('tagstate', `${T8} bad\n${T7} bad\n`);
    desk.settle();
    desk.write('killswitch', 'x\n');
    desk.controls();
    expect(told(desk)).toEqual(['killswitch false', 'marks-in-effect.json false', 'tagstate false']);
    const again = desk.restart();
    again.settle();
    expect(again.changes.map(({ file }) => file).sort()).toEqual(FILES);
    expect(told(again).filter((line) => line.endsWith(' true'))).toEqual(
      expect.arrayContaining(['schedule.yml true', 'marks-in-effect.json true']),
    );
  });
});

describe('the killswitch', () => {
  test('stops at the next look, however short ago the last one was, and goes when its file does', async () => {
    const desk = await testDesk();
    const { look } = desk.served;
    expect(look().kind).toBe('ready');
    for (let times = 0; times < 20; times++) {
      desk.write('killswitch', `${times}\n`);
      expect(look()).toMatchObject({ controls: { killswitch: { global: { message: expect.any(String) } } } });
      desk.remove('killswitch');
      expect(look()).toMatchObject({ controls: { killswitch: { global: null } } });
    }
  });

  test('whose name is no environment stops all until the schedule has it', async () => {
    const desk = await testDesk({ 'schedule.yml': WAVES(3) });
    expect(hoursIn(desk)).toEqual([3]);
    mkdirSync(join(desk.base, 'killswitch.d'));
    desk.write('killswitch.d/staging', 'x\n');
    expect(desk.controls().killswitch.global).toEqual({ message: 'x' });
    expect(problemsOf(desk)).toEqual([expect.stringContaining('killswitch.d/staging names no environment')]);
    desk.write('schedule.yml', `waves:\n  - {environment: staging, groups: [stg], hours: 1}\n${WAVES(3).slice(7)}`);
    desk.settle();
    expect(desk.controls().killswitch).toEqual({
      global: null,
      environments: new Map([['staging', { message: 'x' }]]),
    });
  });
});
