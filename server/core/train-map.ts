import type { Cell, Elsewhere, MapTag, MapWave, Stop, TrainMap } from '../../protocol/api/train.ts';
import { floorHour, startOf } from '../../protocol/names.ts';
import { forecastWaves } from './forecast.ts';
import { markOf } from './marks.ts';
import type { TagRecord } from './tag.ts';
import type { Whereabouts } from './whereabouts.ts';
import type { World } from './world.ts';

export interface MapQuestion {
  readonly world: World;
  readonly tense: TrainMap['tense'];
  /** How many columns. */
  readonly hours: number;
  /** How many hours of the path; 0 in the past. */
  readonly ahead: number;
  readonly counts: readonly Whereabouts[];
  /** Of the change since the tag before, by name. */
  readonly sizes: ReadonlyMap<string, NonNullable<MapTag['size']>>;
  readonly killswitch: readonly Stop[];
  readonly problems: number;
  /** Milliseconds since 1970; null where nothing is recorded. */
  readonly since: number | null;
  readonly notes: readonly string[];
}

/** Puts the train map together. What a wave gets is what the decision says, now and later. */
export function assembleMap(question: MapQuestion): TrainMap {
  const { world, tense, hours, counts, since } = question;
  const waves = mapWaves(question);
  return {
    at: new Date(world.now).toISOString(),
    tense,
    since: since === null ? null : new Date(since).toISOString(),
    hours,
    killswitch: [...question.killswitch],
    tags: mapTags(question, waves),
    waves,
    elsewhere: elsewhere(world, counts),
    problems: question.problems,
    notes: [...question.notes],
  };
}

function mapWaves({ world, ahead, counts }: MapQuestion): MapWave[] {
  return forecastWaves(world, ahead).map(({ wave, steps: [now, ...path] }) => {
    const { name, environment, hours, require } = wave;
    const { answer, reasons } = now ?? { answer: 'nothing', reasons: [] };
    const totals = totalsOf(counts.filter((one) => one.wave === name));
    return { wave: name, environment, hours, require, answer, reasons, ...totals, path };
  });
}

function elsewhere({ schedule }: World, counts: readonly Whereabouts[]): Elsewhere[] {
  const waves = new Set(schedule.waves.map(({ name }) => name));
  const others = new Set(counts.map(({ wave }) => wave).filter((wave) => !waves.has(wave)));
  return [...others].sort().map((wave) => ({ wave, ...totalsOf(counts.filter((one) => one.wave === wave)) }));
}

function totalsOf(counts: readonly Whereabouts[]): Omit<Elsewhere, 'wave'> {
  const sum = (key: 'nodes' | 'failing' | 'silent' | 'drifted') => counts.reduce((all, one) => all + one[key], 0);
  const held = counts.filter(({ told }) => told.startsWith('hold ')).reduce((all, { nodes }) => all + nodes, 0);
  return {
    nodes: sum('nodes'),
    failing: sum('failing'),
    held,
    silent: sum('silent'),
    drifted: sum('drifted'),
    cells: cellsOf(counts),
  };
}

/** Tags come first, oldest first, then whatever else nodes were told. */
function cellsOf(counts: readonly Whereabouts[]): Cell[] {
  const cells = new Map<string, Cell>();
  const cellAt = (at: string): Cell => {
    const cell = cells.get(at) ?? { at, told: 0, running: 0, failing: 0 };
    cells.set(at, cell);
    return cell;
  };
  for (const { told, running, nodes, failing } of counts) {
    const cell = cellAt(told);
    cell.told += nodes;
    cell.failing += failing;
    cellAt(running).running += nodes;
  }
  return [...cells.values()].sort((one, other) => rank(one.at) - rank(other.at) || (one.at < other.at ? -1 : 1));
}

const LAST = ['trunk', 'killswitch', 'nothing', 'unknown'];

function rank(at: string): number {
  return at.startsWith('hold ') ? 1 : LAST.includes(at) ? 2 + LAST.indexOf(at) : 0;
}

function mapTags({ world, hours, counts, sizes }: MapQuestion, waves: readonly MapWave[]): MapTag[] {
  const oldest = floorHour(world.now) - hours + 1;
  const mentioned = new Set<string>(counts.flatMap(({ told, running }) => [told, running]));
  for (const { answer, path } of waves)
    for (const step of [answer, ...path.map((one) => one.answer)]) mentioned.add(step);
  return world.tags.flatMap((record, index) => {
    if (record.hour < oldest && !mentioned.has(record.name)) return [];
    return [mapTag(world, record, { before: world.tags[index - 1], size: sizes.get(record.name) })];
  });
}

function mapTag(
  world: World,
  record: TagRecord,
  { before, size }: { readonly before: TagRecord | undefined; readonly size: MapTag['size'] | undefined },
): MapTag {
  const { name, hour, commit, author, subject, created, origin, stale, broken, commits } = record;
  const isNew = before === undefined || before.commit !== commit;
  return {
    name,
    hour: new Date(startOf(hour)).toISOString(),
    commit,
    author,
    subject,
    created,
    origin,
    stale,
    broken,
    ahead: hour > floorHour(world.now),
    commits,
    isNew,
    size: size ?? null,
    marks: marksOf(world, record),
  };
}

function marksOf({ marks }: World, { name }: TagRecord): MapTag['marks'] {
  const found = [...marks.environments].flatMap((environment) => {
    const mark = markOf(marks, name, environment);
    return mark === undefined ? [] : [[environment, mark] as const];
  });
  return Object.fromEntries(
    found.map(([environment, { state, reason, source, line }]) => [environment, { state, reason, source, line }]),
  );
}
