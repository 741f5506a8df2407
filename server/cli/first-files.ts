import { stringify } from 'yaml';

/** What `init` writes: files that say what they are for, so that a shell and an editor are enough from then on. */
export const FIRST_FILES: Readonly<Record<string, string>> = {
  'schedule.yml': `# Who gets which hour. The first wave that has a group of the node wins; hours say how far behind the clock it is.
waves:
  - { environment: development, groups: [dev, int], hours: 0 }
  - { environment: qa, groups: [qa], hours: 1 }
  - { environment: staging, groups: [stg], hours: 2 }
  # A part of production that you can afford to lose may go ahead:
  # - { environment: production, groups: [prod-east], hours: 3 }
  - { environment: production, default: true, hours: 4 }
`,
  'nodes.yml': `# Host name or pattern -> groups. "*" stays within a label, "**" goes across dots.
#   "*.dev.example.com": [dev]
#   web1.example.com: [web, prod-east]
{}
`,
  tagstate: `# TAG STATE reason, one a line; the last line that applies wins. States: bad (step back), badfwd (jump ahead), good.
#   etchautotag-20261120-0800 bad broke ntp
`,
  pins: `# HOST-OR-PATTERN TAG [until=2026-11-21T08:00Z] [reason]
`,
};

/** With the repository written in where one is named; commented out where \`<base>/trunk\` is meant. */
export function serverYml({
  repo,
  branch,
}: {
  readonly repo?: string | undefined;
  readonly branch?: string | undefined;
}): string {
  const about =
    '# Every setting has a default: this file only says what differs. samples/server.yml lists all of them.\n';
  if (repo === undefined)
    return `${about}# The configuration comes from the directory \`trunk\` beside this file, unless:
#   repo: { url: "git@git.example.com:config.git", branch: main }
{}
`;
  return `${about}${stringify({ repo: { url: repo, ...(branch === undefined ? {} : { branch }) } })}`;
}
