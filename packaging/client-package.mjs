// tagwave: the client, one file for Debian's own Node.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { completions, copy, documents, manuals, put } from './pack.mjs';

export function clientPackage(tree, context) {
  const { root } = context;
  const client = readFileSync(join(root, 'dist/tagwave.cjs'), 'utf8').replace(/^#!.*/, '#!/usr/bin/node');
  put(tree, 'usr/bin/tagwave', client, 0o755);
  const examples = 'usr/share/doc/tagwave/examples';
  for (const name of ['client.yml', 'poll.sh']) copy(tree, join(root, 'samples', name), `${examples}/${name}`);
  copy(tree, join(root, 'samples/cron/client'), `${examples}/cron`);
  for (const name of ['tagwave-poll.service', 'tagwave-poll.timer', 'tagwave-watch.service'])
    copy(tree, join(root, 'samples/systemd', name), `${examples}/${name}`);
  documents(tree, 'tagwave', context);
  manuals(tree, context, (file) => /^tagwave(-(?!server))?/.test(file) && !file.startsWith('tagwave-server'));
  completions(tree, context, 'tagwave');
  const script = (name) => readFileSync(join(root, 'packaging/debian', `tagwave.${name}`), 'utf8');
  return {
    name: 'tagwave',
    architecture: 'all',
    fields: {
      Section: 'admin',
      Priority: 'optional',
      Depends: 'nodejs (>= 18), adduser',
      Recommends: 'cron | cron-daemon | systemd-sysv',
      Description: `configuration in hourly tags with a brake (client)
 Asks a Tagwave server which release of the configuration this host shall
 have, verifies it, puts it into use in one step, and goes back where it does
 not work.
 .
 It asks nobody until it is told whom: tagwave install --server URL.`,
    },
    scripts: { postinst: script('postinst'), prerm: script('prerm'), postrm: script('postrm') },
  };
}
