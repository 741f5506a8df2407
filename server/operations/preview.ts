import type { Hostname, TagName } from '../../protocol/names.ts';
import { chooseBySchedule, chooseFirst, judgeNodetagger, place } from '../core/choose.ts';
import { decideBySchedule } from '../core/decide.ts';
import { answerOf, compareAnswers, directionOf, type Effect, type Move, type NodeAnswer } from '../core/effect.ts';
import type { Killswitch } from '../core/killswitch.ts';
import { groupByTag, type MarkState } from '../core/marks.ts';
import { editPins, type NewPin, parsePins } from '../core/pins.ts';
import { parseTagstate } from '../core/tagstate.ts';
import { editTagstate } from '../core/tagstate-edit.ts';
import type { Placed, World } from '../core/world.ts';
import type { Attempt, NodeRow } from '../ports.ts';
import { whereIs } from './assign.ts';
import type { Context } from './context.ts';
import { worldNow } from './world.ts';

/** Changes that somebody thinks of making. */
export interface Proposal {
  readonly marks?: readonly {
    readonly tag: TagName;
    readonly state: MarkState | 'none';
    readonly environments?: readonly string[] | undefined;
  }[];
  readonly pins?: readonly { readonly host: string; readonly pin: NewPin | null }[];
  /** `on` false = resume. */
  readonly killswitch?: readonly { readonly environment: string | null; readonly on: boolean }[];
}

export interface Preview extends Effect {
  /** What the schedule's own rule gives each wave, also where no node of it is known. */
  readonly waves: readonly Omit<Move, 'nodes'>[];
  /** What could not be worked out, in words. */
  readonly unknown: readonly string[];
}

/** What a proposal would move, if it were made and settled now. Runs none of the site's programs: their last answers count. */
export async function preview(context: Context, proposal: Proposal): Promise<Attempt<Preview>> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return { ok: false, sentence: ready.sentence, hint: ready.hint };
  const proposed = propose(context, ready.world, proposal);
  if (!proposed.ok) return proposed;
  const forgotten = ready.world.now - ready.controls.settings.fleet.forgetAfterDays * 24 * 3_600_000;
  const rows = await context.fleet.rows({ seenSince: forgotten });
  const before = answers(context, ready.world, rows);
  const after = answers(context, proposed.value, rows);
  return {
    ok: true,
    value: {
      ...compareAnswers(before, after),
      waves: waveMoves(ready.world, proposed.value),
      unknown: unknowns(context, rows),
    },
  };
}

function propose(context: Context, world: World, { marks = [], pins = [], killswitch = [] }: Proposal): Attempt<World> {
  let tagstate = textOf(context, 'tagstate');
  for (const mark of marks) {
    const edited = editTagstate(tagstate, { ...mark, known: world.marks.environments });
    if ('refused' in edited) return { ok: false, sentence: edited.refused, hint: edited.hint };
    tagstate = edited.text;
  }
  const pinned = pins.reduce((text, pin) => editPins(text, pin), textOf(context, 'pins'));
  const proposed: World = {
    ...world,
    marks:
      marks.length === 0
        ? world.marks
        : { ...world.marks, base: groupByTag(parseTagstate(tagstate, 'tagstate').lines) },
    pins: pins.length === 0 ? world.pins : parsePins(pinned).pins,
    killswitch: killswitch.reduce(switched, world.killswitch),
  };
  return { ok: true, value: proposed };
}

function textOf(context: Context, file: 'tagstate' | 'pins'): string {
  const { look } = context.files.sighting(file, 0);
  return look.kind === 'text' ? look.text : '';
}

function switched(
  killswitch: Killswitch,
  { environment, on }: { readonly environment: string | null; readonly on: boolean },
): Killswitch {
  if (environment === null) return { ...killswitch, global: on ? { message: '' } : null };
  const environments = new Map(killswitch.environments);
  if (on) environments.set(environment, { message: '' });
  else environments.delete(environment);
  return { ...killswitch, environments };
}

function answers(context: Context, world: World, rows: readonly NodeRow[]): NodeAnswer[] {
  const nodetagger = context.programs.nodetagger();
  const grouped = context.programs.nodegrouper().kind !== 'none';
  return rows.map((row): NodeAnswer => {
    const placed = place(world, row.hostname, grouped ? (row.told?.groups ?? []) : []);
    const first = chooseFirst(world, placed);
    const choice =
      first ?? (nodetagger.kind === 'none' ? chooseBySchedule(world, placed) : lastAnswer(world, placed, row));
    const pinned = first?.outcome === 'serve';
    return { hostname: row.hostname, wave: whereIs(placed).wave, answer: answerOf(choice), pinned };
  });
}

function lastAnswer(world: World, placed: Placed, row: NodeRow) {
  const tag = row.told?.tag;
  return judgeNodetagger(world, placed, tag ? { text: tag } : { failed: 'its last answer is not known' });
}

function waveMoves(before: World, after: World): Omit<Move, 'nodes'>[] {
  return before.schedule.waves.map((wave) => {
    const [from, to] = [before, after].map((world) => waveAnswer(world, wave)) as [string, string];
    return { wave: wave.name, from, to, direction: directionOf(from, to) };
  });
}

/** What a node of the wave gets that nothing else is said about. */
export function waveAnswer(world: World, wave: World['schedule']['waves'][number]): string {
  if (world.killswitch.global !== null || world.killswitch.environments.has(wave.environment)) return 'killswitch';
  return answerOf(decideBySchedule({ now: world.now, tags: world.tags, marks: world.marks, wave }));
}

function unknowns(context: Context, rows: readonly NodeRow[]): string[] {
  if (context.programs.nodetagger().kind === 'none') return [];
  const without = rows.filter((row) => row.told?.tag == null).map((row): Hostname => row.hostname);
  return [
    'the nodetagger decides here: its last answers were taken as they are, and it may answer differently after the change',
    ...(without.length === 0 ? [] : [`no last answer is known of ${without.length} nodes`]),
  ];
}
