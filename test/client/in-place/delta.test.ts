import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { currentTree, pollArgs, runClient, treeOf } from '../run-client.ts';
import { deltaOf, type Files, serveView, viewOf } from '../serve-view.ts';
import { dice, nextTag } from './changes.ts';
import { quickDirectory, type Specs } from './host-tree.ts';

/** What turns into what: files, links and directories come, go, change and take each other's place. */
const TURNS: readonly Files[] = [
  { 'etc/motd': 'one', 'etc/run': '#!/bin/sh', turns: 'a file', large: 'x'.repeat(300_000) },
  { 'etc/motd': 'two', 'etc/run': { run: '#!/bin/sh' }, 'turns/into/a': 'directory', large: 'x'.repeat(300_000) },
  { 'etc/motd': { link: 'run' }, 'etc/run': { run: '#!/bin/bash' }, turns: { link: 'etc' }, 'new/b': '' },
  { 'etc/motd/now': 'a directory', 'new/b': 'x', large: `${'x'.repeat(300_000)}y` },
  {},
];

const TAGS = 20;
const STEPS: readonly Files[] = [...TURNS, ...walk(TAGS - TURNS.length)];

/** Tags as a repository comes by them; each has a file of its own, so that no two are the same. */
function walk(count: number): Files[] {
  const roll = dice(5);
  const tags: Specs[] = [{ 'etc/motd': 'hello\n', 'etc/app/conf': 'x=1\n', 'usr/share/f1': 'shared\n' }];
  while (tags.length < count) tags.push(nextTag(tags.at(-1) ?? {}, roll));
  return tags.map((tag, number) => ({ ...filesOf(tag), number: String(number) }));
}

function filesOf(tag: Specs): Files {
  return Object.fromEntries(
    Object.entries(tag).map(([path, spec]) => {
      if (typeof spec === 'string' || 'link' in spec) return [path, spec];
      return [path, spec.perm === '0755' ? { run: spec.text } : spec.text];
    }),
  );
}

/** Every step after every other one: each number but once follows each other one. */
function everyPair(count: number): number[] {
  const left = new Map(Array.from({ length: count }, (_, from) => [from, new Set<number>()]));
  for (const [from, to] of left) for (let other = 0; other < count; other++) if (other !== from) to.add(other);
  const path: number[] = [];
  const stack = [0];
  while (stack.length > 0) {
    const at = stack.at(-1) ?? 0;
    const [next] = left.get(at) ?? [];
    if (next === undefined) path.push(stack.pop() ?? 0);
    else {
      left.get(at)?.delete(next);
      stack.push(next);
    }
  }
  return path.reverse();
}

test.each(['in place', 'as releases'])(
  'by deltas a host gets, %s, from each of 20 tags exactly to every other one',
  async (how) => {
    const views = await Promise.all(STEPS.map(viewOf));
    const server = await serveView(undefined);
    for (const [from, old] of views.entries())
      for (const [to, view] of views.entries()) {
        if (from === to) continue;
        const sides = [
          { digest: old.digest, files: STEPS[from] ?? {} },
          { digest: view.digest, files: STEPS[to] ?? {} },
        ] as const;
        server.deltas.set(`${view.digest} ${old.digest}`, await deltaOf(...sides));
      }
    const [target, root] = [quickDirectory(), quickDirectory()];
    const flags = how === 'in place' ? ['--root', root] : [];
    const path = everyPair(TAGS);
    expect(path).toHaveLength(TAGS * (TAGS - 1) + 1);
    for (const [index, step] of path.entries()) {
      const view = views[step];
      if (view === undefined) throw new Error('there is no such step');
      server.answer = () => ({ serve: view });
      expect(await runClient(pollArgs(server, target, ...flags))).toMatchObject({ code: 0, stderr: '' });
      expect(await (how === 'in place' ? treeOf(root) : currentTree(target))).toEqual(treeOfFiles(STEPS[step] ?? {}));
      const last = server.requests.filter(({ kind }) => kind === 'archive').at(-1)?.url ?? '';
      const before = views[path[index - 1] ?? -1];
      expect(last).toBe(`/v1/views/${view.digest}/archive${before === undefined ? '' : `?from=${before.digest}`}`);
      forgetOthers(target, view.digest);
    }
  },
);

/** So that the next step finds nothing ready. */
function forgetOthers(target: string, digest: string): void {
  const name = digest.slice('sha256:'.length).slice(0, 16);
  for (const folder of ['releases', 'manifests'])
    for (const other of readdirSync(join(target, folder)))
      if (other !== name) rmSync(join(target, folder, other), { recursive: true });
}

function treeOfFiles(files: Files): Record<string, string> {
  return Object.fromEntries(
    Object.entries(files).map(([path, spec]) => {
      if (typeof spec === 'string' || Buffer.isBuffer(spec)) return [path, spec.toString()];
      return [path, 'run' in spec ? spec.run : `-> ${spec.link}`];
    }),
  );
}
