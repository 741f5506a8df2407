import type { Stop, TrainMap } from '../../protocol/api/train.ts';
import type { Digest, ObjectId, TagName } from '../../protocol/names.ts';
import { floorHour, startOf, tagNameOf } from '../../protocol/names.ts';
import { readKillswitch } from '../../server/core/killswitch.ts';
import { groupByTag } from '../../server/core/marks.ts';
import { NO_PINS } from '../../server/core/pins.ts';
import { environmentsOf, parseSchedule, type Schedule } from '../../server/core/schedule.ts';
import type { TagRecord } from '../../server/core/tag.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { assembleMap } from '../../server/core/train-map.ts';
import type { Whereabouts } from '../../server/core/whereabouts.ts';
import type { World } from '../../server/core/world.ts';

/** 2026-11-21T03:20Z, a Saturday: when nobody is at their best. */
export const NIGHT = Date.UTC(2026, 10, 21, 3, 20);

const SCHEDULE = `waves:
  - {environment: development, groups: [dev], hours: 0}
  - {environment: qa, groups: [qa], hours: 1}
  - {environment: staging, groups: [stg], hours: 2}
  - {environment: production, groups: [east], hours: 3, name: canary}
  - {environment: production, default: true, hours: 4}
`;

export interface Scene {
  readonly now?: number;
  readonly tagstate?: string;
  readonly killswitch?: { readonly global?: string; readonly environments?: ReadonlyMap<string, string> };
  /** Hours ago in which something was committed; else every third. */
  readonly commits?: readonly number[];
  readonly broken?: readonly number[];
  /** Hours ago of which there is no tag. */
  readonly missing?: readonly number[];
  readonly counts?: readonly Whereabouts[];
  readonly stops?: readonly Stop[];
  readonly problems?: number;
  readonly tense?: TrainMap['tense'];
  readonly ahead?: number;
  readonly hours?: number;
}

/** The tag of so many hours ago. */
export function ago(hours: number): TagName {
  return tagNameOf(floorHour(NIGHT) - hours);
}

/** Nodes of a wave that were told a tag and run another, or the same. */
export function nodes(wave: string, count: number, told: string, more: Partial<Whereabouts> = {}): Whereabouts {
  const running = told.startsWith('etchautotag-') ? (told as TagName) : 'unknown';
  const environment = wave.replace(/\+.*$/, '');
  return { wave, environment, told, running, nodes: count, failing: 0, drifted: 0, silent: 0, ...more };
}

/** All where they should be. */
export function fleet(): Whereabouts[] {
  return [
    nodes('development+0h', 12, ago(0)),
    nodes('qa+1h', 24, ago(1)),
    nodes('staging+2h', 38, ago(2)),
    nodes('canary', 96, ago(3), { environment: 'production' }),
    nodes('production+4h', 4_812, ago(4)),
  ];
}

const SUBJECTS = [
  'Rotate the TLS keys',
  'Set the clock by our own servers',
  'Let the web servers breathe',
  'Add a motd',
];

export function scene(asked: Scene = {}): TrainMap {
  const { counts = fleet(), stops = [], problems = 0, tense = 'now', ahead = 6, hours = 72, now = NIGHT } = asked;
  const sizes = new Map(
    tagsOf(asked).map(({ name }, index) => [
      name,
      { files: 1 + (index % 4), insertions: index % 30, deletions: index % 7 },
    ]),
  );
  const since = startOf(floorHour(now) - 500);
  return assembleMap({
    world: worldOf(asked),
    tense,
    hours,
    ahead: tense === 'past' ? 0 : ahead,
    counts,
    sizes,
    killswitch: stops,
    problems,
    since,
    notes: tense === 'past' ? ['as it was recorded'] : [],
  });
}

export function worldOf({ now = NIGHT, tagstate = '', killswitch = {}, ...asked }: Scene): World {
  const schedule = scheduleOf();
  const environments = environmentsOf(schedule);
  const look = { global: killswitch.global ?? null, environments: killswitch.environments ?? new Map(), doubt: null };
  return {
    now,
    tags: tagsOf({ now, ...asked }),
    trunk: null,
    marks: { base: groupByTag(parseTagstate(tagstate, 'tagstate').lines), repository: new Map(), environments },
    schedule,
    nodes: { exact: new Map(), globs: [] } as unknown as World['nodes'],
    nodeGroups: new Map() as unknown as World['nodeGroups'],
    pins: NO_PINS,
    killswitch: readKillswitch(look, environments).killswitch,
    clientTags: 'any',
  };
}

function scheduleOf(): Schedule {
  const parsed = parseSchedule(SCHEDULE);
  if (!parsed.ok) throw new Error('the schedule of the samples is wrong');
  return parsed.value;
}

const TAGS = 100;

function tagsOf({ now = NIGHT, commits, broken = [], missing = [] }: Scene): TagRecord[] {
  const last = floorHour(now);
  let commit = 0;
  return Array.from({ length: TAGS }, (_, index) => TAGS - 1 - index).flatMap((hoursAgo) => {
    const hour = last - hoursAgo;
    const isNew = commits === undefined ? hoursAgo % 3 === 0 : commits.includes(hoursAgo);
    if (isNew) commit += 1;
    if (missing.includes(hoursAgo)) return [];
    return [record(hour, { commit, isNew, broken: broken.includes(hoursAgo) ? 'deploy.yml is invalid' : null })];
  });
}

function record(
  hour: number,
  { commit, isNew, broken }: { commit: number; isNew: boolean; broken: string | null },
): TagRecord {
  const id = commit.toString(16).padStart(40, '0') as ObjectId;
  return {
    name: tagNameOf(hour),
    hour,
    broken,
    commit: id,
    tree: id,
    author: 'Ada Lovelace <ada@example.com>',
    subject: SUBJECTS[commit % SUBJECTS.length] ?? '',
    created: new Date(startOf(hour)).toISOString(),
    fetched: null,
    origin: 'cron',
    stale: false,
    commits: isNew ? 1 : 0,
  };
}

export const SOME_DIGEST = `sha256:${'a'.repeat(64)}` as Digest;
