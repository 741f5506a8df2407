import type { Usage } from './usage.ts';

export const RESTORE = {
  name: 'restore',
  summary: 'put back by hand what stood at a path before Tagwave',
  keys: ['target', 'json'],
  options: [{ flags: '--list', help: 'list what is kept, and put nothing back' }],
  words: [{ name: '[path]', help: 'of a file, as the host or the repository calls it' }],
  help: `
With --root, what stood at a path before Tagwave first replaced it is kept, and comes back by itself when the release no
longer has that path. This brings it back at once. While the release in use has the path, the next run puts the release's
file there again.

Exit codes:
  0  done     1  failed: nothing was changed     2  wrong usage     5  a run holds the lock

Examples:
  tagwave restore --list
  tagwave restore /etc/motd
  tagwave restore etc/motd --target /srv/tagwave`,
} as const satisfies Usage;
