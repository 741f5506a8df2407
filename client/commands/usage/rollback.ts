import type { Usage } from './usage.ts';

export const ROLLBACK = {
  name: 'rollback',
  summary: 'go back to a release that is still here, and stay with it until resume',
  keys: ['server', 'hostname', 'target', 'root', 'timeout', 'verbose', 'json'],
  options: [
    { flags: '--to <DIGEST>', help: 'this release, by its digest or the beginning of it (default: the one before)' },
    { flags: '--reason <TEXT>', help: 'why: told here and on the server' },
  ],
  help: `
Works without a server. The release's own hooks run as always: a failing stage or test changes nothing; a failing
run or verify is told, and the release stays, as a person wants it. Runs then do nothing but report it (exit 4).

Exit codes:
  0  the release is in use and held     1  failed, or something on the way did not succeed
  2  wrong usage                        5  another run holds the lock

Examples:
  tagwave rollback --reason 'ntp is broken since 14:00'
  tagwave rollback --to 3f2a9c1b7d5e4f60
  tagwave status
      names the releases that are kept`,
} as const satisfies Usage;
