import { expect, it } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { openChanges } from '../../server/operations/changes.ts';

const [A, B] = ['a.example.org' as Hostname, 'b.example.org' as Hostname];

it('what changes for one node only wakes that node, and what may change for anybody wakes all', async () => {
  const changes = openChanges();
  const woken: string[] = [];
  const { signal } = new AbortController();
  const waiters: [string, Hostname?][] = [['a', A], ['b', B], ['anyone']];
  const all = waiters.map(async ([name, node]) => {
    await changes.next(signal, node);
    woken.push(name);
  });
  changes.announce(A);
  await all[0];
  expect(woken).toEqual(['a']);
  changes.announce();
  await Promise.all(all);
  expect(woken).toEqual(['a', 'b', 'anyone']);
});

it('who has waited long enough is woken by nothing but that', async () => {
  const changes = openChanges();
  const over = new AbortController();
  const waiting = changes.next(over.signal, A);
  changes.announce(B);
  over.abort();
  await waiting;
});
