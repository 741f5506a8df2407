import type { Usage } from './usage.ts';

export const UPDATE = {
  name: 'update',
  summary: 'replace this program by the one that the server has',
  keys: ['server', 'target', 'timeout', 'token-file', 'ca', 'cert', 'key', 'json'],
  options: [
    { flags: '--check', help: 'only tell whether the server has another one: exit 6' },
    { flags: '--force', help: 'also go back to an older one' },
  ],
  help: `
Takes nothing but the build whose SHA-256 the server's own list names, and only once it has been seen to run. The old one
stays beside it, with .previous behind its name. Nothing updates itself: this command is the only way. A 'tagwave watch'
that runs goes on as the old one until it is started again.

Exit codes:
  0  updated, or the same already     1  failed: nothing was changed     6  another one is there (--check)

Examples:
  tagwave update --check
  tagwave update
  mv /usr/local/bin/tagwave.previous /usr/local/bin/tagwave
      go back`,
} as const satisfies Usage;
