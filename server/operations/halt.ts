import type { TagName } from '../../protocol/names.ts';
import { automaticHalt, describeFailures, haltProblems, haltReached, haltReason, waveLabel } from '../core/halt.ts';
import { markOf, stops } from '../core/marks.ts';
import type { Problem } from '../core/problem.ts';
import type { StateFiles } from '../ports/files.ts';
import type { TagFailures } from '../ports/store.ts';
import { type Context, THE_SERVER } from './context.ts';
import { editMarks, editOf } from './mark.ts';
import { noteEdit } from './note-edit.ts';
import { worldNow } from './world.ts';

const HALTED_TAGS = 'halted-tags';

/**
 * What the server has marked bad by itself, kept in the state directory one line a tag, so that whoever takes such a mark away
 * is not overruled, be it after a restart or by a second server.
 */
export interface Halts {
  /** Whether the server has spoken about a tag before. Throws where that cannot be read. */
  hasSpoken(tag: TagName): boolean;
  /** Throws where it cannot be kept; it holds in this process all the same. */
  remember(tag: TagName, what: string): void;
  /** One after the other: of many failures at once each is counted, and none acts on what another is just changing. */
  inTurn(job: () => Promise<void>): Promise<void>;
  /** Tags that could not be marked, with the problem that it is. */
  readonly troubles: Map<TagName, Problem>;
}

export function openHalts(state: StateFiles): Halts {
  const spoken = new Set<string>();
  const kept = new Set<string>();
  const read = (): void => {
    for (const line of (state.read(HALTED_TAGS) ?? '').split('\n')) {
      const [tag = ''] = line.split(' ', 1);
      spoken.add(tag);
      kept.add(tag);
    }
  };
  let last: Promise<void> = Promise.resolve();
  return {
    hasSpoken(tag) {
      if (!spoken.has(tag)) read();
      return spoken.has(tag);
    },
    remember(tag, what) {
      spoken.add(tag);
      if (kept.has(tag)) return;
      read();
      if (!kept.has(tag)) state.append(HALTED_TAGS, `${tag} ${what}\n`);
      kept.add(tag);
    },
    inTurn(job) {
      const done = last.then(job);
      last = done.catch(() => undefined);
      return done;
    },
    troubles: new Map(),
  };
}

/**
 * After a node of a wave has reported a failure of a tag that it had been told: marks the tag bad where the wave's
 * `halt_after` says so, once, and not where anybody has written a line about it. What keeps it from marking becomes a problem,
 * and the next failure tries again.
 */
export async function haltIfReached(context: Context, failure: { tag: TagName; wave: string }): Promise<void> {
  await context.halts.inTurn(async () => {
    try {
      await judge(context, failure);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      note(
        context,
        failure.tag,
        `may have to be marked bad by what hosts report, and that cannot be found out: ${reason}`,
      );
    }
  });
}

async function judge(context: Context, { tag, wave: name }: { tag: TagName; wave: string }): Promise<void> {
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return;
  const wave = ready.world.schedule.waves.find((one) => one.name === name);
  if (wave === undefined || wave.haltAfter === null || !context.shelf.current().byName.has(tag)) return;
  if (stops(markOf(ready.world.marks, tag, wave.environment)?.state)) return;
  const failures = (await context.store.tagFailures(tag)).find((one) => one.wave === name);
  if (failures === undefined) return;
  const known = context.fleet.countTold((told) => told.wave === name);
  if (!haltReached(wave.haltAfter, failures, known) || context.halts.hasSpoken(tag)) return;
  const label = waveLabel(ready.world.schedule.waves, wave);
  await markBad(context, { tag, failures, what: describeFailures(failures, { known, label }) });
}

interface Halt {
  readonly tag: TagName;
  readonly failures: TagFailures;
  readonly what: string;
}

async function markBad(context: Context, { tag, failures, what }: Halt): Promise<void> {
  const order = { tag, state: 'bad', reason: haltReason(what), automatic: true, actor: THE_SERVER } as const;
  const state = context.desk.look();
  const known = state.kind === 'ready' ? state.controls.environments : new Set<string>();
  const marked = await editMarks(context.editor, known, order);
  if (!marked.ok) return note(context, tag, `should be marked bad and is not: ${what}, and ${marked.sentence}`);
  context.halts.troubles.delete(tag);
  if (!marked.value.changed) return refreshHaltProblems(context);
  const why = `${what} (${namesOf(failures)})`;
  noteEdit(context, { ...editOf(marked.value), actor: THE_SERVER, why });
  context.log.warn('a tag was marked bad because of reports', { tag, what });
  refreshHaltProblems(context);
}

/** The first few, and how many more. */
export function namesOf({ failed, rolledBack, first }: TagFailures): string {
  const more = failed + rolledBack - first.length;
  return `${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function note(context: Context, tag: TagName, trouble: string): void {
  context.log.error('a tag could not be marked bad', { tag, reason: trouble });
  context.halts.troubles.set(tag, {
    id: `halt-failed:${tag}`,
    severity: 'error',
    sentence: `${tag} ${trouble}`,
    hint: `mark it with "tagwave-server mark ${tag} bad", or create the killswitch; the next failure that a host reports tries again`,
    file: 'tagstate',
  });
  refreshHaltProblems(context);
}

/** The server's own marks that are in effect. Whatever becomes of them, they are remembered from their first sight. */
export function refreshHaltProblems(context: Context): void {
  const state = context.desk.look();
  if (state.kind !== 'ready') return;
  const { byName } = context.shelf.current();
  const lines = [...state.controls.marks.values()].flat();
  for (const line of lines) {
    const what = automaticHalt(line);
    if (what !== undefined) rememberHalt(context, line.tag, what);
    context.halts.troubles.delete(line.tag);
  }
  const troubles = [...context.halts.troubles].filter(([tag]) => byName.has(tag));
  context.problems.set('halts', [
    ...haltProblems(lines, (tag) => byName.has(tag)),
    ...troubles.map(([, problem]) => problem),
  ]);
}

function rememberHalt(context: Context, tag: TagName, what: string): void {
  try {
    context.halts.remember(tag, what);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    context.log.error('a mark made by the server could not be remembered for the next start', { tag, reason });
  }
}
