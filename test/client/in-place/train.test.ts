import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parseManifest } from '../../../protocol/manifest.ts';
import type { Files } from '../../rig/git.ts';
import { writeSettled } from '../../rig/server.ts';
import { at, HOSTS, type Train, tagAt, train } from '../../stories/train.ts';
import { runClient } from '../run-client.ts';
import { dice, nextTag } from './changes.ts';
import { expectedSums, pictureOf, plant, quickDirectory, type Spec, type Specs, sumsOf } from './host-tree.ts';

interface Client {
  readonly tree: string;
  poll(): Promise<void>;
}

/** A development host's client. */
function client(server: Train, mode: 'root' | 'releases'): Client {
  const directory = quickDirectory();
  const [root, target] = [join(directory, 'root'), join(directory, 'target')];
  mkdirSync(root);
  const flags = mode === 'root' ? ['--root', root] : [];
  const args = ['poll', '--server', server.url, '--hostname', HOSTS.dev, '--target', target, ...flags];
  return {
    tree: mode === 'root' ? root : join(target, 'current/'),
    async poll() {
      expect(await runClient(args)).toMatchObject({ code: 0, stderr: '' });
    },
  };
}

/** From the files of one hour to those of the next, as somebody commits it. */
function commitOf(before: Specs, after: Specs): Files {
  const perms = Object.entries(after).flatMap(([path, spec]) =>
    typeof spec !== 'string' && 'perm' in spec ? [[path, { perm: spec.perm }]] : [],
  );
  return {
    ...Object.fromEntries(Object.keys(before).map((path) => [path, null])),
    ...Object.fromEntries(Object.entries(after).map(([path, spec]) => [path, contentOf(spec)])),
    'deploy.yml': JSON.stringify({ files: Object.fromEntries(perms) }),
  };
}

function contentOf(spec: Spec): string | { linkTo: string } {
  if (typeof spec === 'string') return spec;
  return 'link' in spec ? { linkTo: spec.link } : spec.text;
}

async function manifestSums({ url }: Train): Promise<Record<string, string>> {
  const answer = await fetch(`${url}/v1/nodes/${HOSTS.dev}/manifest`);
  return expectedSums(parseManifest(Buffer.from(await answer.arrayBuffer())));
}

test('thirteen hours of a real server reach a tree and a directory of releases alike, and going back restores exactly', async () => {
  const server = await train();
  const [onTree, released] = [client(server, 'root'), client(server, 'releases')];
  plant(onTree.tree, { 'srv/theirs': 'not of any view\n' });
  const roll = dice(11);
  const pictures: Record<string, string>[] = [];
  let files: Specs = { 'etc/release': 'x', 'etc/ntp.conf': 'y' };
  for (let hour = 11; hour <= 23; hour++) {
    const next = nextTag(files, roll);
    await server.commit(commitOf(files, next));
    files = next;
    await server.passTo(at(`${hour}:00`));
    for (const { poll } of [onTree, released]) await poll();
    const sums = await manifestSums(server);
    expect(sumsOf(released.tree)).toEqual(sums);
    expect({ ...sums, ...sumsOf(onTree.tree) }).toMatchObject(sums);
    pictures.push(pictureOf(onTree.tree, { times: false }));
  }
  const bad = [23, 22, 21, 20].map((hour) => `${tagAt(hour)} bad\n`).join('');
  await writeSettled(join(server.base, 'tagstate'), bad);
  server.settle();
  for (const { poll } of [onTree, released]) await poll();
  expect(pictureOf(onTree.tree, { times: false })).toEqual(pictures[19 - 11]);
  expect(sumsOf(released.tree)).toEqual(await manifestSums(server));
});
