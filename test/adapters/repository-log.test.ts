import { existsSync, readFileSync } from 'node:fs';
import { appendFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { compacted, lastTipAt, openFetchLog, parseTips } from '../../server/adapters/git/fetch-log.ts';
import { openRepository } from '../../server/adapters/git/repository.ts';
import type { FetchedTip } from '../../server/ports/repository.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { preparedRepository, sourceRepository } from '../rig/git.ts';
import { unwrap } from '../rig/records.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const START = Date.parse('2026-11-20T08:00:00Z');

const tip = (at: number, digit: number): FetchedTip => ({ at, commit: String(digit % 10).repeat(40) as ObjectId });
const minutes = fc.array(fc.nat({ max: 72 * 60 }), { maxLength: 200 });

describe('the log of fetched tips', () => {
  test('at every full hour the tip is the same after compaction as before, in whatever order it was written', () => {
    fc.assert(
      fc.property(minutes, fc.boolean(), (offsets, sorted) => {
        const order = sorted ? [...offsets].sort((a, b) => a - b) : offsets;
        const tips = order.map((offset, index) => tip(START + offset * MINUTE, index));
        const kept = compacted(tips);
        for (let hour = -1; hour <= 73; hour++)
          expect(lastTipAt(kept, START + hour * HOUR)).toEqual(lastTipAt(tips, START + hour * HOUR));
        expect(compacted(kept)).toEqual(kept);
      }),
    );
  });

  test('the newest is always kept, and what is left is one for each hour that is past', () => {
    fc.assert(
      fc.property(minutes, (offsets) => {
        const tips = offsets.sort((a, b) => a - b).map((offset, index) => tip(START + offset * MINUTE, index));
        const kept = compacted(tips);
        expect(kept.at(-1)).toEqual(tips.at(-1));
        const hours = kept.map(({ at }) => Math.ceil(at / HOUR)).filter((hour, _, all) => hour !== all.at(-1));
        expect(new Set(hours).size).toBe(hours.length);
      }),
    );
  });

  test('after 40 days a tip is dropped, but not the last two days of what was written, however old', () => {
    const tips = Array.from({ length: 50 * 24 }, (_, hour) => tip(START + hour * HOUR, hour));
    const kept = compacted(tips);
    expect(kept).toHaveLength(40 * 24);
    const runaway = compacted([...tips, tip(START + 4000 * DAY, 1)]);
    expect(runaway).toHaveLength(48);
    expect(lastTipAt(runaway, START + 50 * DAY)).toEqual(tips.at(-1));
  });

  test('where the clock was set back what was written last counts', () => {
    const tips = [tip(START, 1), tip(START + HOUR, 2), tip(START + MINUTE, 3)];
    expect(lastTipAt(tips, START)).toEqual(tips[0]);
    expect(lastTipAt(tips, START + HOUR)).toEqual(tips[2]);
  });

  test('a line that was cut off costs that line only, and the next is not written into it', async () => {
    const path = join(await disposableDirectory(), 'fetches.ndjson');
    const log = openFetchLog(path);
    log.append(tip(START, 1));
    await appendFile(path, '{"at":"2026-11-20T08:0');
    expect(log.tips()).toEqual([tip(START, 1)]);
    log.append(tip(START + MINUTE, 2));
    expect(log.tips()).toEqual([tip(START, 1), tip(START + MINUTE, 2)]);
    await appendFile(path, 'null\n[]\n{"at":"yesterday","commit":"1"}\n\0\0\0');
    expect(parseTips(readFileSync(path, 'utf8'))).toHaveLength(2);
  });

  test('a week of fetching every minute leaves a file of some hundred lines', async () => {
    const path = join(await disposableDirectory(), 'fetches.ndjson');
    const lines = Array.from({ length: 7 * 24 * 60 }, (_, minute) => tip(START + minute * MINUTE, minute));
    await writeFile(
      path,
      lines.map(({ at, commit }) => `${JSON.stringify({ at: new Date(at).toISOString(), commit })}\n`).join(''),
    );
    const log = openFetchLog(path);
    const last = tip(START + 7 * DAY, 5);
    log.append(last);
    const kept = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(kept.length).toBeLessThan(7 * 24 + 62);
    expect(log.tips().at(-1)).toEqual(last);
    expect(lastTipAt(log.tips(), START + 3 * DAY)).toEqual(tip(START + 3 * DAY, 3 * 24 * 60));
  });

  test('a log that was lost is told again by git’s own', async () => {
    const source = await sourceRepository();
    const first = await source.commit({ a: '1' });
    const { repository, stateDir } = await preparedRepository({ kind: 'url', url: source.directory, branch: 'main' });
    unwrap(await repository.fetch(START));
    const second = await source.commit({ a: '2' });
    unwrap(await repository.fetch(START + HOUR));
    await rm(join(stateDir, 'fetches.ndjson'));
    expect(await repository.tipAt(START + MINUTE)).toEqual({ at: START, commit: first });
    expect(await repository.trunk()).toMatchObject({ at: START + HOUR, commit: second });
    expect(unwrap(await repository.fetch(START + 2 * HOUR))).toMatchObject({ previous: second, rewritten: false });
  });

  test('before anything was prepared there is nothing, and asking makes nothing', async () => {
    const stateDir = join(await disposableDirectory(), 'state');
    const source = { kind: 'url', url: '/nowhere', branch: 'main' } as const;
    const repository = openRepository({
      stateDir,
      source,
      submodules: 'refuse',
      fetchTimeoutSeconds: 1,
      requireFastForward: false,
    });
    expect(await repository.tags()).toEqual({ records: [], unreadable: [] });
    expect(await repository.trunk()).toBeUndefined();
    expect(await repository.tipAt(START)).toBeUndefined();
    expect(await repository.history(0)).toEqual([]);
    expect(await repository.commit('0123456')).toBeUndefined();
    expect(repository.signature()).toBe('- -');
    expect(existsSync(stateDir)).toBe(false);
  });

  test('a log without its repository counts for nothing', async () => {
    const source = await sourceRepository();
    await source.commit({ a: '1' });
    const from = { kind: 'url', url: source.directory, branch: 'main' } as const;
    const { repository, stateDir } = await preparedRepository(from);
    unwrap(await repository.fetch(START));
    await rm(join(stateDir, 'repository.git'), { recursive: true });
    const { repository: anew } = await preparedRepository(from, { stateDir });
    expect(await anew.trunk()).toBeUndefined();
    expect(unwrap(await anew.fetch(START + HOUR)).previous).toBeUndefined();
  });
});
