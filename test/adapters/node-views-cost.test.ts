import { Buffer } from 'node:buffer';
import { expect, it } from 'vitest';
import type { ObjectId } from '../../protocol/names.ts';
import type { NodeInputs } from '../../server/core/node-inputs.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { repositoryWith, type TestRepository } from '../rig/repository.ts';
import { labOn } from '../rig/view-lab.ts';

const HOSTS = 10_000;
const ENVIRONMENTS = ['development', 'int', 'qa', 'staging', 'production'];
const GROUPS = 40;

const FLEET: NodeInputs[] = Array.from({ length: HOSTS }, (_, index) => ({
  hostname: `host${index}.example.com`,
  environment: ENVIRONMENTS[index % ENVIRONMENTS.length] ?? '',
  groups: [`group${index % GROUPS}`],
  facts: { os: 'debian' },
}));

/** The whole configuration of a large fleet: every host has a file and vars of its own. */
function configuration(): Record<string, string> {
  const files: Record<string, string> = {
    'deploy.yml': `layers: [common, "env/{environment}", "group/{group}", "host/{hostname}"]
vars: [vars/common.yml, "vars/env/{environment}.yml", "vars/host/{hostname}.yml"]
facts: [os]
`,
    'vars/common.yml': 'ntp: [a, b]\nrack: none\n',
    'common/etc/plain': 'plain\n',
    'common/etc/os.liquid': '{{ facts.os }}\n',
    'common/etc/ntp.conf.liquid': '{% for server in ntp %}server {{ server }}\n{% endfor %}{{ environment }}\n',
    'common/etc/rack.liquid': '{{ rack }}\n',
    'common/etc/hostname.liquid': '{{ hostname }}\n',
  };
  for (const environment of ENVIRONMENTS) files[`vars/env/${environment}.yml`] = `where: ${environment}\n`;
  for (let group = 0; group < GROUPS; group++) files[`group/group${group}/etc/group.liquid`] = `{{ where }} ${group}\n`;
  for (const [index, { hostname }] of FLEET.entries()) {
    files[`host/${hostname}/etc/own`] = `own of ${hostname}\n`;
    files[`vars/host/${hostname}.yml`] = `rack: r${index % 100}\n`;
  }
  return files;
}

/** Git's own fast way in: writing so many files one by one would take longer than what is tested. */
async function importCommit(repository: TestRepository, files: Readonly<Record<string, string>>): Promise<ObjectId> {
  const lines = ['commit refs/heads/main\ncommitter Ada <ada@example.com> 1700000000 +0000\ndata 1\nx\n'];
  if ((await repository.git(['rev-list', '--count', 'HEAD'])) !== '0') lines.push('from refs/heads/main^0\n');
  for (const [path, text] of Object.entries(files))
    lines.push(`M 100644 inline ${path}\ndata ${Buffer.byteLength(text)}\n${text}\n`);
  await repository.git(['fast-import', '--quiet'], Buffer.from(lines.join('')));
  return repository.tree();
}

it('10,000 nodes in 5 environments and 40 groups: the next tag renders and asks git only for what changed', async () => {
  const repository = await repositoryWith({});
  const lab = await labOn(repository, await disposableDirectory());
  const counted = () => {
    const counts: Record<string, number> = {};
    for (const path of lab.rendered.splice(0))
      counts[path.replace(/group\d+/, 'groupN')] = (counts[path.replace(/group\d+/, 'groupN')] ?? 0) + 1;
    return counts;
  };
  const first = await importCommit(repository, configuration());
  expect(await lab.views.check(first, FLEET, { everyFile: true })).toEqual({ isLayered: true, flaw: null });
  expect(counted()).toEqual({
    'common/etc/os.liquid': 1,
    'common/etc/ntp.conf.liquid': 5,
    'common/etc/rack.liquid': 100,
    'common/etc/hostname.liquid': HOSTS,
    // 5 environments and 40 groups: group n is in environment n modulo 5 only.
    'group/groupN/etc/group.liquid': 40,
  });
  // One listing, deploy.yml, new contents for their sums, and the texts of templates and vars: whatever the number of nodes.
  expect(lab.asked).toEqual({ entries: 1, file: 1, blobs: 2 });

  const second = await importCommit(repository, {
    'host/host7.example.com/etc/own': 'changed\n',
    'common/etc/ntp.conf.liquid': '{{ ntp | join: " " }}\n',
  });
  expect(await lab.views.check(second, FLEET, { everyFile: true })).toEqual({ isLayered: true, flaw: null });
  expect(counted()).toEqual({ 'common/etc/ntp.conf.liquid': 1 });
  expect(lab.asked).toEqual({ entries: 2, file: 2, blobs: 4 });

  // Their views are made when they ask; what only one host has changed is another view for that one only.
  const sample = FLEET.slice(0, 50);
  const before = await Promise.all(sample.map((node) => lab.views.ofNode(second, node)));
  const third = await importCommit(repository, { 'host/host7.example.com/etc/own': 'changed again\n' });
  const after = await Promise.all(sample.map((node) => lab.views.ofNode(third, node)));
  expect(after.flatMap(({ digest }, index) => (digest === before[index]?.digest ? [] : [index]))).toEqual([7]);
  expect(counted()).toEqual({});
  const asked = { ...lab.asked };
  await Promise.all(sample.map((node) => lab.views.ofNode(third, node)));
  expect(lab.asked).toEqual(asked);
});
