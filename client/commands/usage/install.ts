import { CA_FILE } from '../../core/installation.ts';
import { DEFAULT_CONFIG } from '../../settings/keys.ts';
import type { Usage } from './usage.ts';

export const INSTALL = {
  name: 'install',
  summary: 'make this host ask by itself, from cron or by systemd',
  keys: ['server', 'hostname', 'target', 'root', 'timeout', 'token-file', 'ca', 'cert', 'key', 'dry-run'],
  options: [
    { flags: '--cron', help: 'by a line in /etc/cron.d (default where systemd does not run)' },
    { flags: '--systemd', help: 'by a timer of systemd (default where it runs)' },
    { flags: '--watch', help: 'by a service of systemd that waits for changes, instead of a timer' },
    { flags: '--every <MINUTES>', help: 'how often to ask, a whole part of an hour (default: 10)' },
    { flags: '--user <NAME>', help: 'who runs it (default: tagwave; root with --root)' },
    { flags: '--join-token-file <FILE>', help: 'what lets this host in; with - from standard input, or asked for' },
    { flags: '--no-start', help: 'write everything down, but do not let it begin' },
    { flags: '--destdir <DIR>', help: 'write below this directory instead, and start nothing' },
    { flags: '--uninstall', help: 'take all of it away again; releases and settings stay' },
    { flags: '--purge', help: 'with --uninstall: releases and settings go as well' },
  ],
  help: `
Writes ${DEFAULT_CONFIG} where there is none, then cron's line or systemd's units, and starts them. Says of each thing
whether it was changed; doing it twice changes nothing.

Where the server wants to know who asks, the host is enrolled as by 'tagwave enroll'; the token belongs to whoever polls.
What --ca names is copied to ${CA_FILE}.

The user 'tagwave' may do nothing but write the target. Files that are to belong to others, and hooks that reload
services, take --user root.

Examples:
  tagwave install --server https://tagwave.example.com
      ask every ten minutes, each host at its own moment
  tagwave install --systemd --watch --user root --server https://tagwave.example.com
      apply changes when they happen
  tagwave install --server https://tagwave.example.com --ca /root/ca.pem --join-token-file /root/join-token
      at a server with a certificate of your own CA, which lets in who has the join token
  tagwave install --uninstall`,
} as const satisfies Usage;
