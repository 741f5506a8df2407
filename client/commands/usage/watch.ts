import { DEFAULT_WATCH_SPLAY_SECONDS, KEYS } from '../../settings/keys.ts';
import type { Usage } from './usage.ts';

export const WATCH = {
  name: 'watch',
  summary: 'stay, and apply changes when they happen',
  keys: KEYS.map(({ name }) => name).filter((name) => name !== 'dry-run' && name !== 'detailed-exitcode'),
  help: `
The server holds the question until its answer changes, so a change is seen within a second. Each host then waits for its
own share of the splay, ${DEFAULT_WATCH_SPLAY_SECONDS} s unless told otherwise, so that a fleet does not move in one
moment; with --splay 0 it begins at once. Killswitch and hold are told without waiting.
Where nothing holds questions, as some proxies don't, it asks as often as the server wants to be asked.

A run is the same as that of 'tagwave poll', takes the same lock, and tells the same. There is one at least every
--interval minutes, which finds what drifted. SIGHUP asks at once; SIGTERM and SIGINT end it, exit 0.

Examples:
  tagwave watch --server https://tagwave.example.com
  tagwave watch --splay 0 --verbose
      at once, with every step
  tagwave install --systemd --watch
      from the start of the machine`,
} as const satisfies Usage;
