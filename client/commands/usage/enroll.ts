import type { Usage } from './usage.ts';

export const ENROLL = {
  name: 'enroll',
  summary: 'let a server know this host, by a token that it makes for itself',
  keys: ['server', 'hostname', 'target', 'timeout', 'token-file', 'ca', 'cert', 'key', 'json'],
  options: [
    { flags: '--join-token-file <FILE>', help: 'what lets this host in; with - from standard input, or asked for' },
    { flags: '--wait', help: 'where somebody has to say yes first: wait for it' },
    { flags: '--rotate', help: 'replace the token by a new one' },
  ],
  help: `
The token is made here and stays here, in a file that nobody else may read; the server learns its SHA-256. Where the file
lies in a directory of another user, as after 'tagwave install', it belongs to that user. It is sent over https, and to
this machine, and nowhere else.

Interrupted at any moment, the same command goes on where it was. A token that is there is not replaced without --rotate;
then both count for a while, so that no poll fails.

Exit codes:
  0  this host is known             1  failed; nothing is lost
  4  somebody has to say yes first  5  another one is at it

Examples:
  tagwave enroll --join-token-file /root/join-token
  tagwave enroll --wait
      where an admin lets hosts in: shows the id that the admin sees too
  tagwave enroll --rotate`,
} as const satisfies Usage;
