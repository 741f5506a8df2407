import type { Command } from 'commander';
import { clientProgram } from '../client/commands/arguments.ts';
import { COMMANDS } from '../client/commands/usage/commands.ts';
import type { Usage } from '../client/commands/usage/usage.ts';
import { buildProgram } from '../server/cli/program.ts';
import { manualOf, type Page } from './roff.ts';

interface Issue {
  readonly version: string;
  readonly date: string;
}

export interface Manual {
  /** As in `tagwave-server.1`. */
  readonly file: string;
  readonly program: Command;
  readonly text: string;
}

/** The manual pages of both commands. */
export function manuals(issue: Issue): Manual[] {
  const [server, client] = [buildProgram(async () => undefined), clientProgram(() => undefined)];
  return [
    { file: 'tagwave-server.1', program: server, text: manualOf(server, { ...SERVER, ...issue }) },
    { file: 'tagwave.1', program: client, text: manualOf(client, { ...CLIENT, ...issue }) },
  ];
}

type Words = Omit<Page, keyof Issue>;

const SERVER: Words = {
  summary: 'release configuration to a fleet in hourly tags',
  common: ['--base', '--json'],
  after: {},
  sections: {
    'Exit status': '  0  done\n  1  failed, or it is so that whoever called has to look\n  2  wrong usage',
    Environment: `
TAGWAVE_BASE is the directory of control files where --base does not name one. Settings of server.yml are taken from
variables, too: http.local_changes from TAGWAVE_HTTP_LOCAL_CHANGES.

NO_COLOR, set to anything, keeps tables and lines without colours; FORCE_COLOR paints them where nobody seems to look.
COLUMNS counts before the width that a terminal says it has. What is not written to a terminal is never shortened.`,
    Files: `
/etc/tagwave holds the control files unless --base or TAGWAVE_BASE say otherwise: server.yml, schedule.yml, nodes.yml,
nodegroups.yml, pins, tagstate, killswitch, killswitch.d, nodetagger, nodegrouper. What is not a control file is in its
directory var (state_dir).`,
    'See also': 'tagwave(1)',
  },
};

const CLIENT: Words = {
  summary: 'bring a host to its configuration',
  common: ['--config'],
  after: Object.fromEntries(COMMANDS.map(({ name, help }: Usage) => [name, help])),
  sections: {
    'Exit status': `
  0  nothing to do, or applied
  1  failed, refused by its hooks, or went back
  2  wrong usage
  3  stopped by the killswitch
  4  held, or disabled on the host
  5  another run holds the lock
  6  changes found`,
    Environment: `
Every key of the settings file is also a variable: server is TAGWAVE_CLIENT_SERVER. Flags count before variables, variables
before the file. NO_COLOR, set to anything, keeps differences without colours.`,
    Files: `
/etc/tagwave/client.yml holds the settings. /var/lib/tagwave has the releases, the link current to the one in use, and what
is remembered between runs. Where /etc/tagwave/disable exists, nothing is done.`,
    'See also': 'tagwave-server(1)',
  },
};
