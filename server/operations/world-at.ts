import { NODE_GROUPS_RULES, NODES_RULES, PINS_RULES, SCHEDULE_RULES } from '../core/control-rules.ts';
import { lookFromText, NO_KILLSWITCH, readKillswitch } from '../core/killswitch.ts';
import { groupByTag, marksFromJson } from '../core/marks.ts';
import { environmentsOf } from '../core/schedule.ts';
import type { FileRules } from '../core/settle.ts';
import { parseTagstate } from '../core/tagstate.ts';
import type { World } from '../core/world.ts';
import type { Attempt } from '../ports/common.ts';
import type { Context } from './context.ts';
import { MARKS_IN_EFFECT } from './held.ts';

/** The world as of an instant, from what was recorded; undefined where nothing was recorded yet. */
export async function worldAt(context: Context, at: number): Promise<World | undefined> {
  const { store } = context;
  const trunk = context.shelf.current().trunk;
  const state = context.desk.look();
  const mayApprove = state.kind === 'ready' && state.controls.settings.tagstate.repositoryMayApprove;
  const scheduleText = await store.controlAt('schedule.yml', at);
  if (scheduleText === undefined) return undefined;
  const schedule = meaning(SCHEDULE_RULES, scheduleText);
  const environments = environmentsOf(schedule);
  const marks = marksFromJson((await store.controlAt(MARKS_IN_EFFECT, at)) ?? '');
  if (!marks.ok) return undefined;
  const repository = parseTagstate((await store.controlAt('tagstate in the repository', at)) ?? '', 'repository', {
    mayApprove,
  });
  const killswitch = await store.controlAt('killswitch', at);
  return {
    now: at,
    tags: await store.tagsAt(at),
    trunk,
    marks: { base: marks.marks, repository: groupByTag(repository.lines), environments },
    schedule,
    nodes: meaning(NODES_RULES, await store.controlAt('nodes.yml', at)),
    nodeGroups: meaning(NODE_GROUPS_RULES, await store.controlAt('nodegroups.yml', at)),
    pins: meaning(PINS_RULES, await store.controlAt('pins', at)),
    killswitch: killswitch ? readKillswitch(lookFromText(killswitch), environments).killswitch : NO_KILLSWITCH,
    clientTags: 'any',
  };
}

function meaning<Meaning>(rules: FileRules<Meaning>, text: string | null | undefined): Meaning {
  if (text === null || text === undefined) return rules.absent;
  const parsed = rules.parse(text);
  return parsed.ok ? parsed.value : rules.absent;
}

/** What is said where `worldAt` answers nothing. */
export function nothingKnown(at: number): Attempt<never> {
  return {
    ok: false,
    sentence: `nothing is known of ${new Date(at).toISOString()}: the history begins later, or was lost`,
    hint: 'ask for a later instant; "tagwave-server events" shows what is recorded',
  };
}
