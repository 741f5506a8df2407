import { startOf } from '../../protocol/names.ts';
import type { Problem } from '../core/problem.ts';
import { retainedSince } from '../core/retention.ts';
import type { TagRecord } from '../core/tag.ts';
import { tagstateProblems } from '../core/tagstate.ts';
import type { Context } from './context.ts';
import type { Controls } from './desk.ts';

/** Reads the tags and trunk again where they changed, also by another process, and says so to those who wait. */
export async function refreshShelf(context: Context): Promise<void> {
  const state = context.desk.look();
  const mayApprove = state.kind === 'ready' && state.controls.settings.tagstate.repositoryMayApprove;
  const before = context.shelf.current().tags;
  const changed = await readOrTell(context, mayApprove);
  if (!changed) return;
  const shelf = context.shelf.current();
  if (before !== shelf.tags) copyNewTags(context, before, shelf.tags);
  const at = context.time.now();
  const file = 'tagstate in the repository';
  const who = { by: shelf.author, from: 'repository' };
  context.journal.write((store) =>
    store.recordControl({ file, at, ...who, why: null, text: shelf.repositoryTagstate }),
  );
  context.programs.forget();
  context.problems.set('repository', shelf.problems);
  refreshTagProblems(context);
  context.changes.announce();
}

/** A repository that cannot be read leaves what was read of it in effect, and is said aloud. */
async function readOrTell(context: Context, mayApprove: boolean): Promise<boolean> {
  try {
    const changed = await context.shelf.refresh({ mayApprove });
    context.problems.set('repository reading', []);
    return changed;
  } catch (error) {
    context.problems.set('repository reading', [unreadable(error)]);
    throw error;
  }
}

function unreadable(error: unknown): Problem {
  const why = error instanceof Error ? error.message : String(error);
  return {
    id: 'repository:unreadable',
    severity: 'error',
    sentence: `the repository cannot be read (${why}); the tags that are known keep being served`,
    hint: 'check repository.git in the state directory with "git fsck"; a new one is made where there is none',
  };
}

function copyNewTags(context: Context, before: readonly TagRecord[], tags: readonly TagRecord[]): void {
  const known = new Set(before.map((record) => record.name));
  const fresh = tags.filter((record) => !known.has(record.name));
  if (fresh.length > 0) context.journal.write((store) => store.copyTags(fresh));
}

/** The problems of marks and tags that can only be told with both at hand. */
export function refreshTagProblems(context: Context): void {
  const state = context.desk.look();
  if (state.kind !== 'ready') return;
  const { tags, repositoryMarks } = context.shelf.current();
  const lines = [...state.controls.markLines, ...[...repositoryMarks.values()].flat()];
  const now = context.time.now();
  context.problems.set('tagstate', tagstateProblems(lines, surroundings(state.controls, tags, now)));
  context.problems.set('tags', tagProblems(tags, now));
}

function surroundings(controls: Controls, tags: readonly TagRecord[], now: number) {
  return {
    environments: controls.environments,
    tags,
    retainedSince: retainedSince({
      now,
      schedule: controls.schedule,
      retentionHours: controls.settings.snapshot.retentionHours,
    }),
  };
}

function tagProblems(tags: readonly TagRecord[], now: number): Problem[] {
  const ahead = tags.filter((record) => startOf(record.hour) > now);
  const broken = tags.filter((record) => record.broken !== null);
  return [
    ...ahead.map(
      (record): Problem => ({
        id: `tag:ahead:${record.name}`,
        severity: 'warning',
        sentence: `${record.name} is ahead of the clock; it is not served before its hour`,
        hint: 'check the clock of this machine, now and when the tag was made',
      }),
    ),
    ...broken.slice(-5).map(
      (record): Problem => ({
        id: `tag:broken:${record.name}`,
        severity: 'warning',
        sentence: `${record.name} is broken and never served: ${record.broken}`,
        hint: 'commit the correction; it is in the next tag',
      }),
    ),
    ...tags.slice(-1).flatMap((record): Problem[] =>
      record.stale
        ? [
            {
              id: `tag:stale:${record.name}`,
              severity: 'warning',
              sentence: `${record.name} was made from the commit fetched at ${record.fetched ?? 'an unknown time'}, ${
                record.origin === 'late' ? 'the last one seen before its hour' : 'because the source could not be read'
              }`,
              hint: 'see that the server runs and can fetch the repository; the next tag then has what was missed',
            },
          ]
        : [],
    ),
  ];
}
