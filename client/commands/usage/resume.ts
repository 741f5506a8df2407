import type { Usage } from './usage.ts';

export const RESUME = {
  name: 'resume',
  summary: 'end what rollback began: the next run asks a server again',
  keys: ['hostname', 'target', 'json'],
  help: `
Examples:
  tagwave resume && tagwave poll`,
} as const satisfies Usage;
