import { floorHour, type Hour, hourOf, parseTagName, type TagName } from '../../../protocol/names.ts';
import { NODE_GROUPS_RULES, NODES_RULES } from '../control-rules.ts';
import { groupByTag } from '../marks.ts';
import { sentenceOf } from '../problem.ts';
import { tagsToPrune } from '../retention.ts';
import { DEFAULT_SCHEDULE, environmentsOf, parseSchedule, type Schedule } from '../schedule.ts';
import { parseTagstate, readLine } from '../tagstate.ts';
import { linesOf } from '../text-lines.ts';
import { count } from '../wording.ts';
import type { EtchFileName, EtchFound, FoundTag } from './found.ts';
import { readHours } from './hours.ts';
import { scheduleText } from './schedule-text.ts';
import { serverText } from './server-text.ts';

export const PLANNED = [
  'nodes.yml',
  'nodegroups.yml',
  'tagstate',
  'nodetagger',
  'nodegrouper',
  'schedule.yml',
  'server.yml',
] as const;
export type PlannedName = (typeof PLANNED)[number];

/** A file of the base as it will be. */
export interface PlannedFile {
  readonly name: PlannedName;
  readonly content: Uint8Array;
  readonly isExecutable: boolean;
  /** Where it comes from, in words. */
  readonly about: string;
}

export interface PlannedTag {
  readonly name: TagName;
  readonly hour: Hour;
  readonly path: string;
  readonly files: number;
}

/** What could not be carried over, or not as it was, and why. */
export interface Remark {
  readonly what: string;
  readonly why: string;
}

export interface ImportPlan {
  readonly files: readonly PlannedFile[];
  /** The message; null where etch has none. */
  readonly killswitch: string | null;
  /** Oldest first. */
  readonly tags: readonly PlannedTag[];
  readonly schedule: Schedule;
  readonly left: readonly Remark[];
  readonly notes: readonly string[];
  /** Whether the next reading of the source follows the newest tag. */
  readonly goesOn: boolean;
}

export type Planned =
  | { readonly ok: true; readonly plan: ImportPlan }
  /** Nothing can be written as long as these stand. */
  | { readonly ok: false; readonly errors: readonly string[]; readonly hint: string };

/** The base's files as they are; of those that are absent nothing. */
export interface BaseFound {
  readonly files: ReadonlyMap<string, Uint8Array | { readonly unreadable: string }>;
  /** The message; null where there is none. */
  readonly killswitch: string | null;
}

export interface Question {
  readonly found: EtchFound;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly retentionHours: number;
  readonly keepAtLeast: number;
  /** Why its own nodetagger goes on deciding, although its hours can be read; null where they may take its place. */
  readonly keepNodetagger: string | null;
}

/** Everything that an import will do, as data. */
export function planImport(question: Question): Planned {
  const { found } = question;
  const errors = errorsIn(found);
  if (errors.length > 0)
    return { ok: false, errors, hint: `correct that in ${found.directory}, or in a copy of it, and import again` };
  const rule = ruleOf(question);
  const schedule = scheduleIn(rule.files);
  const tags = tagsOf(question, schedule);
  const copied = copiedFiles(found, ['nodes.yml', 'nodegroups.yml', 'tagstate']);
  const grouper = grouperOf(found);
  return {
    ok: true,
    plan: {
      files: [
        ...copied,
        ...grouper.files,
        ...rule.files,
        { name: 'server.yml', isExecutable: false, ...serverText(found) },
      ],
      killswitch: found.killswitch,
      tags: tags.tags,
      schedule,
      left: [...tags.left, ...rule.left, ...grouper.left, ...otherEntries(found)],
      notes: [
        ...rule.notes,
        ...tagNotes(question, tags.tags),
        ...markNotes(found),
        ...fileNotes(found),
        ...sourceNotes(found),
      ],
      goesOn: found.trunk !== null && found.trunk.kind !== 'git',
    },
  };
}

/** What keeps an existing base from becoming the planned one; files that are as planned don't. `server.yml` may stay what it is. */
export function conflicts(plan: ImportPlan, base: BaseFound): string[] {
  return plan.files.flatMap(({ name, content }) => {
    const there = base.files.get(name);
    if (there === undefined || name === 'server.yml') return [];
    if ('unreadable' in there) return [`${name} of the base cannot be read: ${there.unreadable}`];
    return isSame(there, content) ? [] : [`there is another ${name} in the base`];
  });
}

export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, index) => byte === b[index]);
}

function errorsIn({ files }: EtchFound): string[] {
  const unreadable = Object.values(files).flatMap((file) =>
    file.kind === 'unreadable' ? [`${file.path} cannot be read: ${file.why}`] : [],
  );
  const invalid = [NODES_RULES, NODE_GROUPS_RULES].flatMap((rules) => {
    const file = files[rules.file as EtchFileName];
    if (file.kind !== 'file' || rules.isEmpty(file.text)) return [];
    const parsed = rules.parse(file.text);
    return parsed.ok ? [] : parsed.errors.map((error) => sentenceOf({ ...error, file: file.path }));
  });
  return [...unreadable, ...invalid];
}

function copiedFiles({ files }: EtchFound, names: readonly Extract<PlannedName, EtchFileName>[]): PlannedFile[] {
  return names.flatMap((name) => {
    const file = files[name];
    if (file.kind !== 'file') return [];
    const isYaml = name.endsWith('.yml');
    // What says nothing is an error of Tagwave's, which takes it for cut off.
    if (isYaml && NODES_RULES.isEmpty(file.text))
      return [
        { name, content: new TextEncoder().encode('{}\n'), isExecutable: false, about: `${file.path} says nothing` },
      ];
    return [{ name, content: file.content, isExecutable: file.isExecutable, about: `as ${file.path}` }];
  });
}

interface Rule {
  readonly files: readonly PlannedFile[];
  readonly left: readonly Remark[];
  readonly notes: readonly string[];
}

/** What decides: the schedule where the nodetagger's hours can be read, else the nodetagger itself. */
function ruleOf({ found, keepNodetagger }: Question): Rule {
  const file = found.files.nodetagger;
  if (file.kind !== 'file')
    return {
      ...everyoneAtOnce(found),
      notes: ['etch has no nodetagger here: every host gets the newest tag, as with etch'],
    };
  const read = readHours(file.text);
  if (read.kind === 'says-nothing')
    return {
      ...everyoneAtOnce(found),
      notes: [
        `${file.path} prints nothing, so that etch served what it had to everyone at once: every host gets the newest tag. Put hours into schedule.yml`,
      ],
    };
  if (read.kind === 'read' && keepNodetagger === null) {
    const about = `from the hours of ${file.path}`;
    return {
      files: [
        { name: 'schedule.yml', content: bytes(scheduleText(read.hours, found.directory)), isExecutable: false, about },
      ],
      left: leftOfNodetagger(file.text),
      notes: [],
    };
  }
  const why =
    read.kind === 'read'
      ? (keepNodetagger ?? '')
      : `its hours cannot be read (${read.kind === 'unreadable' ? read.why : ''})`;
  return {
    files: copiedFiles(found, ['nodetagger']),
    left: [],
    notes: [
      `${file.path} is carried over unchanged and goes on deciding: ${why}. schedule.yml does the same without a script, and says which environment a host is in`,
      ...(file.isExecutable ? [] : [`${file.path} is not executable: every host holds until it is`]),
    ],
  };
}

function leftOfNodetagger(text: string): Remark[] {
  const pins = /config_mgmt_tag/.test(text)
    ? [
        {
          what: 'tags that single hosts have in nVentory (config_mgmt_tag)',
          why: 'Tagwave does not ask nVentory: write them into pins ("HOST TAG until=… reason")',
        },
      ]
    : [];
  const groups = /\bNVentory\b/.test(text)
    ? [
        {
          what: 'groups in nVentory, by which nodetagger went',
          why: 'groups come from nodes.yml, nodegroups.yml and the nodegrouper, which has to print them',
        },
      ]
    : [];
  return [...pins, ...groups];
}

function everyoneAtOnce({ directory }: EtchFound): Pick<Rule, 'files' | 'left'> {
  const text = scheduleText({ rungs: [], otherwise: 0, lookbackHours: 72, require: 'not-bad' }, directory);
  return {
    files: [
      { name: 'schedule.yml', content: bytes(text), isExecutable: false, about: 'everyone at once, as with etch' },
    ],
    left: [],
  };
}

function scheduleIn(files: readonly PlannedFile[]): Schedule {
  const file = files.find(({ name }) => name === 'schedule.yml');
  if (file === undefined) return DEFAULT_SCHEDULE;
  const parsed = parseSchedule(new TextDecoder().decode(file.content));
  if (!parsed.ok) throw new Error(parsed.errors.map(sentenceOf).join('; '));
  return parsed.value;
}

function grouperOf({ files }: EtchFound): Pick<Rule, 'files' | 'left'> {
  const file = files.nodegrouper;
  if (file.kind !== 'file') return { files: [], left: [] };
  if (readHours(file.text).kind === 'says-nothing')
    return { files: [], left: [{ what: file.path, why: 'it prints nothing' }] };
  if (!file.isExecutable)
    return { files: [], left: [{ what: file.path, why: 'it is not executable, so that nobody can have used it' }] };
  return {
    files: [{ name: 'nodegrouper', content: file.content, isExecutable: true, about: `as ${file.path}` }],
    left: [],
  };
}

function tagsOf({ found, now, retentionHours, keepAtLeast }: Question, schedule: Schedule) {
  const left: Remark[] = [];
  const tags: PlannedTag[] = [];
  const without = ({ path }: FoundTag, why: string) => left.push({ what: path, why });
  for (const tag of found.tags) {
    const name = tag.name === parseTagName(tag.name) ? parseTagName(tag.name) : undefined;
    if (name === undefined) without(tag, 'it has no name of a tag (etchautotag-YYYYMMDD-HH00)');
    else if (hourOf(name) > floorHour(now)) without(tag, 'its hour is yet to come: tags are named in UTC');
    else if (tag.unreadable !== null) without(tag, `${tag.unreadable}; hosts that are due it get the tag before`);
    else if (tag.files === 0) without(tag, 'there are no files in it');
    else tags.push({ name, hour: hourOf(name), path: tag.path, files: tag.files });
  }
  tags.sort((a, b) => a.hour - b.hour);
  const file = found.files.tagstate;
  const marks = groupByTag(file.kind === 'file' ? parseTagstate(file.text, 'tagstate').lines : []);
  const old = new Set<string>(
    tagsToPrune({
      now,
      tags: tags.map(({ name, hour }) => ({ name, hour, broken: null })),
      marks: { base: marks, repository: new Map(), environments: environmentsOf(schedule) },
      schedule,
      retentionHours,
      keepAtLeast,
      pinnedTags: [],
      runningTags: [],
    }),
  );
  for (const tag of tags.filter(({ name }) => old.has(name)))
    left.push({
      what: tag.path,
      why: `it is older than ${count(Math.round(retentionHours / 24), 'day')}, which is how long tags are kept`,
    });
  return { tags: tags.filter(({ name }) => !old.has(name)), left };
}

/** What of a directory nobody here has use for. */
const KNOWN_OTHERS: Readonly<Record<string, string>> = {
  'etchserver.conf': "etch's own settings; how hosts prove who they are is said by auth in server.yml",
  orig: 'originals of files on hosts, as etch sent them in: a host with Tagwave keeps its own',
  'nodes.xml': "an older form of nodes.yml: etch's script nodes_xml_to_yaml makes that of it",
  'nodegroups.xml': 'an older form of nodegroups.yml: write "parent: [child, child]" there',
};
/** Parts of etch's configuration, which are content where they are in tags. */
const CONTENT = new Set([
  'source',
  'commands',
  'sitelibs',
  'config.dtd',
  'commands.dtd',
  'nodes.dtd',
  'nodegroups.dtd',
  'defaults.xml',
  'defaults.yml',
]);

function otherEntries({ directory, others, trunk }: EtchFound): Remark[] {
  return others.map((name) => ({
    what: `${directory}/${name}`,
    why:
      KNOWN_OTHERS[name] ??
      (CONTENT.has(name) && trunk?.path === directory
        ? 'content: it is in the tags, and in what is read from now on'
        : 'nothing here has use for it'),
  }));
}

const SOME = 3;

function tagNotes({ found, now }: Question, tags: readonly PlannedTag[]): string[] {
  const newest = tags.at(-1);
  if (newest === undefined) return ['there are no tags: hosts hold until the first is made'];
  const behind = floorHour(now) - newest.hour;
  const late =
    behind <= 1
      ? []
      : [
          `${newest.name}, the newest tag, is ${behind} hours behind the clock: either etch makes no tags any more, or it names them in local time. Tagwave takes names for UTC`,
        ];
  const names = new Set<string>(tags.map(({ name }) => name));
  const holes = tags
    .flatMap(({ hour }, index) => Math.max(0, (tags[index + 1]?.hour ?? hour) - hour - 1))
    .reduce((sum, gap) => sum + gap, 0);
  const missing =
    holes === 0
      ? []
      : [
          `${count(holes, 'hour')} in between have no tag: who is due such an hour gets the tag before, where etch fails`,
        ];
  const unkept = found.tags.filter((tag) => names.has(tag.name) && tag.unkeptCount > 0);
  const [first] = unkept;
  const empty =
    first === undefined
      ? []
      : [
          `git keeps files and links only: ${first.unkept
            .slice(0, SOME)
            .map((path) => `${first.name}/${path}`)
            .join(', ')}${
            first.unkeptCount > SOME ? ` and ${first.unkeptCount - SOME} more` : ''
          } (empty directories, sockets, pipes or devices) ${unkept.length === 1 ? 'are' : `and the like in ${unkept.length} tags are`} left out`,
        ];
  return [...late, ...missing, ...empty];
}

/** Where Tagwave takes a line for something else than etch did. */
function markNotes({ files }: EtchFound): string[] {
  const file = files.tagstate;
  if (file.kind !== 'file') return [];
  return linesOf(file.text).flatMap(({ text }, index) => {
    const line = readLine(text);
    if (line.kind !== 'mark') return [];
    const written = text.trim().split(/\s+/)[0] ?? '';
    if (!line.understood || line.stateWord !== line.state)
      return [
        `tagstate line ${index + 1}: etch ignored the state ${JSON.stringify(line.stateWord ?? '')}, here ${written} counts as ${line.state}`,
      ];
    return written === line.tag
      ? []
      : [`tagstate line ${index + 1}: etch knew no tag ${JSON.stringify(written)}, here it is ${line.tag}`];
  });
}

function fileNotes({ files, directory }: EtchFound): string[] {
  const elsewhere = Object.values(files).flatMap((file) =>
    file.kind === 'file' && file.others.length > 0
      ? [`${file.path} was taken; ${file.others.join(', ')} says something else`]
      : [],
  );
  const named = (['nodetagger', 'nodegrouper'] as const).flatMap((name) => {
    const file = files[name];
    return file.kind === 'file' && file.text.includes(directory)
      ? [`${file.path} names ${directory} itself: where it is carried over it goes on looking there`]
      : [];
  });
  return [...elsewhere, ...named];
}

function sourceNotes({ trunk, directory, tags }: EtchFound): string[] {
  const content =
    tags.length === 0
      ? []
      : [
          "tags hold etch's own sources (source/…/config.xml, commands/): Tagwave hands them out as they are and does not follow them",
        ];
  return trunk === null
    ? [
        ...content,
        `there is no trunk in ${directory}: say in server.yml where the configuration comes from (repo), or no tag is made any more`,
      ]
    : content;
}

function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
