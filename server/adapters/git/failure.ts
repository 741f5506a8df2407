import type { Attempt } from '../../ports/common.ts';
import { masked } from '../known-secrets.ts';
import type { Talk } from './transport.ts';

type Failure = Extract<Attempt<never>, { ok: false }>;

export interface FetchContext {
  /** As configured. */
  readonly source: string;
  readonly branch: string | null;
  readonly seconds: number;
}

type Kind = 'time-out' | 'no-branch' | 'disk-full' | 'authentication' | 'corrupt' | 'gone' | 'unknown';

const KINDS: readonly (readonly [Kind, RegExp])[] = [
  ['disk-full', /No space left on device|Disk quota exceeded/i],
  ['no-branch', /couldn't find remote ref/i],
  [
    'authentication',
    /Authentication failed|Permission denied \(|could not read (Username|Password)|Host key verification failed|terminal prompts disabled|returned error: 40[13]|HTTP 40[13]/i,
  ],
  [
    'gone',
    /does not appear to be a git repository|not found|does not exist|Could not resolve|Connection (refused|reset|timed out|closed)|unreachable|No route|unable to access|unable to connect|Repository unavailable/i,
  ],
  [
    'corrupt',
    /corrupt|bad (object|tree|blob|commit)|missing (blob|tree|commit|object)|unable to read|inflate|fsck|did not send all necessary objects|object file .* is empty|index-pack|unpack-objects|invalid (index-pack|object)|not our ref/i,
  ],
  ['gone', /Could not read from remote|hung up unexpectedly/i],
];

export function kindOf(talk: Talk): Kind {
  if (talk.timedOut) return 'time-out';
  return KINDS.find(([, pattern]) => pattern.test(talk.stderr))?.[0] ?? 'unknown';
}

/** A failed fetch as one sentence with git's own words, and what to do. Secrets are left out. */
export function fetchFailure(talk: Talk, context: FetchContext): Failure {
  const { seconds } = context;
  const source = masked(context.source);
  const said = masked(tellingLine(talk));
  const failed = (what: string, hint: string): Failure => ({ ok: false, sentence: `${what}: ${said}`, hint });
  switch (kindOf(talk)) {
    case 'time-out':
      return {
        ok: false,
        sentence: `fetching ${source} took longer than ${seconds} s and was stopped`,
        hint: 'Look whether the remote answers; raise repo.fetch_timeout_seconds where it is only slow.',
      };
    case 'no-branch':
      return failed(`${source} has no ${branchName(context.branch)}`, 'Set repo.branch to a branch that it has.');
    case 'disk-full':
      return failed(`${source} could not be fetched, a disk is full`, 'Make room in the state directory.');
    case 'authentication':
      return failed(
        `${source} refuses us`,
        "Try 'git ls-remote' as the server's user: a token, a key or a known host is missing or no longer valid (repo.token_file, repo.ssh_key_file).",
      );
    case 'corrupt':
      return failed(
        `${source} has damaged or missing objects`,
        "Run 'git fsck' there. Tags already made are not affected.",
      );
    case 'gone':
      return failed(
        `${source} cannot be reached`,
        'Look at repo.url, the network, and whether the repository is still there.',
      );
    case 'unknown':
      return failed(`${source} could not be fetched`, "Try 'git fetch' by hand as the server's user.");
  }
}

function branchName(branch: string | null): string {
  return branch === null ? 'HEAD' : `branch ${branch}`;
}

/** What `git ls-remote` said after the branch was not found: names the branches that there are. */
export function noBranch(branches: readonly string[], context: FetchContext): Failure {
  const source = masked(context.source);
  if (branches.length === 0)
    return { ok: false, sentence: `${source} is empty: it has no branch`, hint: 'Commit something to it.' };
  const shown = branches.slice(0, 10).join(', ');
  const more = branches.length > 10 ? ` and ${branches.length - 10} more` : '';
  return context.branch === null
    ? {
        ok: false,
        sentence: `${source} has a HEAD that names no commit; its branches are ${shown}${more}`,
        hint: 'Set repo.branch, or point its HEAD at a branch.',
      }
    : {
        ok: false,
        sentence: `${source} has no branch ${JSON.stringify(context.branch)}; it has ${shown}${more}`,
        hint: 'Set repo.branch to a branch that it has.',
      };
}

const GENERIC =
  /^(fatal: Could not read from remote repository|fatal: the remote end hung up|Please make sure|and the repository exists|fatal: early EOF)/;
const TELLING = /^(fatal|error|ssh|remote: (fatal|error)|remote: ERROR)|Permission denied|No space left/;

/** The line of git's many that says what is wrong. */
export function tellingLine({ stderr, end }: Pick<Talk, 'stderr' | 'end'>): string {
  const lines = stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const specific = lines.filter((line) => !GENERIC.test(line));
  return specific.find((line) => TELLING.test(line)) ?? specific.at(-1) ?? lines.at(-1) ?? end;
}
