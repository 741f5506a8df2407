import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import { openCatalogue } from '../../server/adapters/views/catalogue.ts';
import { openShelf } from '../../server/adapters/views/shelf.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { digest } from './store-samples.ts';

const DIGITS = [...'0123456789abcdef'];
const treeOf = (digit: string) => digit.repeat(40) as ObjectId;

test('views of an earlier process are learnt many at once, and what it left half-written is removed', async () => {
  const root = await disposableDirectory();
  const shelf = openShelf(root);
  for (const digit of DIGITS)
    await shelf.putAbout({ view: { digest: digest(digit), files: 1, bytes: 2 }, trees: [treeOf(digit)], recipes: [] });
  writeFileSync(join(root, '0'.repeat(64), '.manifest.999999999-0a0b0c0d.tmp'), 'half');
  let asked = 0;
  const most = { atOnce: 0 };
  const catalogue = openCatalogue({
    ...shelf,
    async about(of) {
      most.atOnce = Math.max(most.atOnce, ++asked);
      return shelf.about(of).finally(() => asked--);
    },
  });
  for (const digit of DIGITS) expect((await catalogue.ofTree(treeOf(digit)))?.view.digest).toBe(digest(digit));
  expect(most.atOnce).toBe(DIGITS.length);
  expect(readdirSync(join(root, '0'.repeat(64)))).toEqual(['about.json']);
});
