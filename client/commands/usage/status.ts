import type { Usage } from './usage.ts';

export const STATUS = {
  name: 'status',
  summary: 'tell what this host has and how its last run ended',
  keys: ['target', 'root', 'disable-file', 'json'],
  help: `
Examples:
  tagwave status
  tagwave status --target /srv/config --json`,
} as const satisfies Usage;
