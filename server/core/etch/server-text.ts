import type { EtchFound, FoundTrunk } from './found.ts';

/** What brings a working copy up to date, as etch's own repo_update did. */
const UPDATES: Readonly<Record<FoundTrunk['kind'], string | null>> = {
  git: '[git, pull, --quiet, --ff-only]',
  svn: '[svn, update, --quiet, --non-interactive]',
  cvs: '[cvs, -Q, update, -dP]',
  hg: '[hg, pull, --quiet, --update]',
  plain: null,
};

/** `server.yml` of the new base: the configuration goes on coming from where etch has it. */
export function serverText({ directory, trunk }: EtchFound): { readonly content: Uint8Array; readonly about: string } {
  const head = `# Made from ${directory}. Every setting has a default: this file only says what differs. samples/server.yml lists all of them.\n`;
  if (trunk === null) {
    const text = `${head}# Say where the configuration comes from:\n#   repo: { url: "git@git.example.com:config.git", branch: main }\n{}\n`;
    return { content: new TextEncoder().encode(text), about: 'without a repository: there is no trunk' };
  }
  const update = UPDATES[trunk.kind];
  const later =
    update === null
      ? ''
      : `  # As long as etch's own cron job keeps it up to date this stays off; both at once would be in each other's way.\n  #update: ${update}\n`;
  const text = `${head}repo:\n  # What etch made its tags from.\n  directory: ${JSON.stringify(trunk.path)}\n${later}`;
  return { content: new TextEncoder().encode(text), about: `tags are made from ${trunk.path} from now on` };
}
