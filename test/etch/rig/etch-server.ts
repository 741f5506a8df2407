import { copyFile, cp, mkdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { floorHour, type Hour, type TagName, tagNameOf } from '../../../protocol/names.ts';
import { disposableDirectory } from '../../rig/disposable.ts';
import { type Files, writeFiles } from '../../rig/git.ts';

/** A directory as an etch server has it. */
export interface EtchServer {
  readonly directory: string;
  /** Where a base may be made. */
  readonly base: string;
  /** Oldest first. */
  readonly tags: readonly TagName[];
  /** What its nodetagger says at an instant: `tags/NAME`, or null where it fails. */
  nodetagger(hostname: string, at: number): Promise<string | null>;
}

export interface EtchOptions {
  /** How many hours back there are tags, the current one included. */
  readonly hours?: number;
  readonly nodetagger?: 'ruby' | 'perl' | 'none';
  /** More files, or others. */
  readonly files?: Files;
  /** Marks by how many hours ago the tag was. */
  readonly marks?: Readonly<Record<number, string>>;
  /** The hour of the newest tag. */
  readonly newest?: Hour;
}

export const HOSTS: Readonly<Record<string, readonly string[]>> = {
  'dev1.example.com': ['dev', 'web'],
  'int1.example.com': ['int'],
  'qa1.example.com': ['qa', 'web'],
  'stg1.example.com': ['stg'],
  'east1.example.com': ['prod-east', 'web'],
  'west1.example.com': ['web'],
  'bare.example.com': [],
};

const RIG = import.meta.dirname;

/** Makes one as etch's own tools would: a trunk that is copied into `tags/` every hour, of which some bring a change. */
export async function etchServer(options: EtchOptions = {}): Promise<EtchServer> {
  const { hours = 8, nodetagger = 'ruby', files = {}, marks = {}, newest = floorHour(Date.now()) } = options;
  const root = await disposableDirectory();
  const directory = join(root, 'etchserver');
  const tags: TagName[] = [];
  for (let ago = hours - 1; ago >= 0; ago--) {
    const tag = tagNameOf(newest - ago);
    // Every third hour brings a change.
    await writeFiles(join(directory, 'trunk'), content(Math.floor((newest - ago) / 3)));
    await mkdir(join(directory, 'tags'), { recursive: true });
    await cp(join(directory, 'trunk'), join(directory, 'tags/newtag'), { recursive: true, verbatimSymlinks: true });
    await rename(join(directory, 'tags/newtag'), join(directory, 'tags', tag));
    tags.push(tag);
  }
  const lines = Object.entries(marks).map(([ago, state]) => `${tagNameOf(newest - Number(ago))} ${state}\n`);
  await writeFiles(directory, {
    'nodes.yml': Object.entries(HOSTS)
      .map(
        ([host, groups]) =>
          `${host}:${groups.length === 0 ? ' []\n' : `\n${groups.map((group) => `- ${group}\n`).join('')}`}`,
      )
      .join(''),
    'nodegroups.yml': 'web_server:\n- web\n',
    tagstate: `# What people know of tags.\n#   etchautotag-20081002-1000 bad\n${lines.join('')}`,
    ...files,
  });
  if (nodetagger !== 'none') {
    await copyFile(join(RIG, `nodetagger.${nodetagger === 'ruby' ? 'rb' : 'pl'}`), join(directory, 'nodetagger'));
    await execa('chmod', ['+x', join(directory, 'nodetagger')]);
  }
  return { directory, base: join(root, 'base'), tags, nodetagger: (hostname, at) => asked(directory, hostname, at) };
}

/** What scripts see that are to believe that it is another time. */
export function elsewhen(at: number): Record<string, string> {
  return { ETCH_NOW: String(Math.floor(at / 1000)), PERL5OPT: `-I${RIG} -MElsewhen`, RUBYLIB: RIG };
}

async function asked(directory: string, hostname: string, at: number): Promise<string | null> {
  const result = await execa(join(directory, 'nodetagger'), [hostname], {
    cwd: directory,
    env: elsewhen(at),
    reject: false,
  });
  if (result.exitCode === undefined) throw new Error(result.message);
  return result.exitCode === 0 ? result.stdout.trim() : null;
}

function content(version: number): Files {
  return {
    'source/etc/motd/motd': `hello ${version}\n`,
    'source/etc/motd/config.yml': 'file:\n  owner: root\n  source:\n  - plain: motd\n',
    'source/etc/ntp.conf/config.xml': '<config><file><source><plain>ntp.conf</plain></source></file></config>\n',
    'source/etc/ntp.conf/ntp.conf': 'server 0.pool.ntp.org\n',
    'source/etc/ntp.conf/current': { linkTo: 'ntp.conf' },
    'source/.svn/entries': `${version}\n`,
    'config.dtd': '<!ELEMENT config ANY>\n',
  };
}

export async function hasRuby(): Promise<boolean> {
  return (await execa('ruby', ['--version'], { reject: false })).exitCode === 0;
}
