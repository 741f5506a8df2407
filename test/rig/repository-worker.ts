/**
 * A process of its own at work on a repository, for tests of races and of processes that are killed:
 *
 *   node --import tsx repository-worker.ts tag STATE_DIR SOURCE HOUR AUTHOR   makes one tag when a line comes in on stdin
 *   node --import tsx repository-worker.ts loop STATE_DIR SOURCE              fetches, tags, retires and collects until killed
 */
import { once } from 'node:events';
import { tagNameOf } from '../../protocol/names.ts';
import { openRepository } from '../../server/adapters/git/repository.ts';
import { recordOf, unwrap } from './records.ts';

const [verb = '', stateDir = '', path = '', hour = '', author = ''] = process.argv.slice(2);
const repository = openRepository({
  stateDir,
  source: { kind: 'directory', path, update: null },
  submodules: 'refuse',
  fetchTimeoutSeconds: 30,
  requireFastForward: false,
});

if (verb === 'tag') await tagOnce();
else await loop();

async function tagOnce(): Promise<void> {
  const trunk = await repository.trunk();
  if (trunk === undefined) throw new Error('nothing was fetched');
  console.log('ready');
  await once(process.stdin, 'data');
  const outcome = await repository.createTag(recordOf({ id: trunk.commit, tree: trunk.tree }, hour, { author }));
  const { records } = await repository.tags();
  console.log(JSON.stringify({ outcome, authors: records.map((record) => record.author) }));
  process.exit(0);
}

async function loop(): Promise<void> {
  await repository.prepare();
  const existing = (await repository.tags()).records.length;
  for (let turn = existing + 1; ; turn++) {
    const { tip } = unwrap(await repository.fetch(Date.parse('2026-11-20T00:00:00Z') + turn * 60_000));
    const at = new Date(Date.parse('2026-01-01T00:00:00Z') + turn * 3_600_000).toISOString();
    const record = recordOf(tip, at.slice(0, 13));
    console.log(`made ${record.name} ${await repository.createTag(record)}`);
    if (turn % 5 === 0) {
      const retired = tagNameOf(record.hour - 4);
      await repository.retireTags([retired], turn);
      console.log(`retired ${retired}`);
      await repository.collectGarbage(turn);
    }
  }
}
