import type { Usage } from './usage.ts';

export const DIFF = {
  name: 'diff',
  summary: 'show what a tag would change here, and change nothing',
  keys: ['server', 'hostname', 'target', 'root', 'timeout', 'verify', 'detailed-exitcode', 'verbose', 'json'],
  implies: ['dry-run'],
  words: [{ name: '[tag]', key: 'tag', help: 'a tag, or trunk (default: what this host is assigned)' }],
  help: `
Text is shown as a unified diff against what is on the disk now, edits by hand included; binary files by their size,
and what not everybody may read by its name only. Long ones are cut: --verbose shows all. In colour on a terminal,
unless NO_COLOR is set. No hook is run, nothing is reported, and nothing is written.

Exit codes: 0, or with --detailed-exitcode 6 where something would change; others as of 'tagwave poll'.

Examples:
  tagwave diff
      what the next run would do, the same as 'tagwave poll --dry-run'
  tagwave diff etchautotag-20261120-0800
  tagwave diff trunk --detailed-exitcode --json`,
} as const satisfies Usage;
