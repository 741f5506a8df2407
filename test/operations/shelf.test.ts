import { expect, test } from 'vitest';
import { openShelf } from '../../server/operations/shelf.ts';
import { preparedRepository, sourceRepository } from '../rig/git.ts';
import { programsStarted, wordsOf } from '../rig/programs.ts';
import { recordOf, unwrap } from '../rig/records.ts';
import { until } from '../rig/until.ts';

async function following() {
  const source = await sourceRepository();
  await source.commit({ a: '1' });
  const from = { kind: 'url', url: source.directory, branch: 'main' } as const;
  const { repository, stateDir } = await preparedRepository(from);
  const { tip } = unwrap(await repository.fetch(Date.parse('2026-11-20T08:00:00Z')));
  return { repository, tip, from, stateDir };
}

test('a tag that we made is on the shelf once: that nothing else changed meanwhile is no change', async () => {
  const { repository, tip } = await following();
  const shelf = openShelf(repository);
  expect(await shelf.refresh({ mayApprove: false })).toBe(true);
  const started = programsStarted();
  await repository.createTag(recordOf(tip, '2026-11-20T08'));
  expect(await shelf.refresh({ mayApprove: false })).toBe(true);
  const current = shelf.current();
  expect(current.tags).toEqual([recordOf(tip, '2026-11-20T08')]);
  // The tip is known and so is the tag: at most the list is looked at, where the machine was slow.
  const reading = started.map(wordsOf).filter((words) => !/mktag|update-ref|cat-file/.test(words));
  expect([[], ['git for-each-ref']]).toContainEqual(reading);

  expect(await shelf.refresh({ mayApprove: false })).toBe(false);
  await until('the clock of the files to move on', () => {
    const before = repository.signature();
    return before === repository.signature();
  });
  expect(await shelf.refresh({ mayApprove: false })).toBe(false);
  expect(shelf.current()).toBe(current);
  const settled = started.length;
  expect(await shelf.refresh({ mayApprove: false })).toBe(false);
  expect(started).toHaveLength(settled);
});

test('a tag that another process makes is on the shelf with the next look', async () => {
  const { repository, tip, from, stateDir } = await following();
  const shelf = openShelf(repository);
  await shelf.refresh({ mayApprove: false });
  const { repository: other } = await preparedRepository(from, { stateDir });
  for (const hour of ['05', '06', '07']) {
    await repository.createTag(recordOf(tip, `2026-11-19T${hour}`));
    await other.createTag(recordOf(tip, `2026-11-20T${hour}`));
    await shelf.refresh({ mayApprove: false });
    expect(shelf.current().tags).toContainEqual(recordOf(tip, `2026-11-20T${hour}`));
  }
});
