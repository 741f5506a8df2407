import { variableOf } from '../../settings/environment.ts';
import { DEFAULT_CONFIG, DEFAULT_TARGET, KEYS } from '../../settings/keys.ts';
import type { Usage } from './usage.ts';

export const POLL = {
  name: 'poll',
  summary: 'ask once, and bring the target to the answer',
  keys: KEYS.map(({ name }) => name).filter((name) => name !== 'interval'),
  options: [{ flags: '--retry', help: 'try again what failed when it was put into use' }],
  help: `
Silent when nothing changed; one line when something did; the same trouble is told once, then daily.

Exit codes:
  0  nothing to do, or applied     1  failed, refused by its hooks, or went back
  2  wrong usage                   3  stopped by the killswitch
  4  held, or disabled on the host 5  another run holds the lock
  6  changes found (--dry-run --detailed-exitcode)
  130, 143  stopped by SIGINT, SIGTERM: nothing is left half done

Examples:
  tagwave poll --server https://tagwave.example.com
      bring ${DEFAULT_TARGET}/current to what this host should have
  tagwave poll --server http://a:8420 --server http://b:8420 --splay 300
      from cron: spread over five minutes; b stands in when a cannot answer
  tagwave poll --server http://a:8420 --hostname web1.example.com --target /tmp/try --dry-run --verbose
      list the files that would change, and change nothing

Every flag is also a key of ${DEFAULT_CONFIG} (server: URL) and a variable (${variableOf('server')}).
Flags count before variables, variables before the file.`,
} as const satisfies Usage;
