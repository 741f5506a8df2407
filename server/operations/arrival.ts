import type { BriefNode } from '../../protocol/api/nodes.ts';
import type { TagName } from '../../protocol/names.ts';
import { type Arrival, arrivalOf, whatHolds, whyNever } from '../core/arrival.ts';
import { briefNodes } from './brief-nodes.ts';
import type { Context } from './context.ts';
import { type NotReady, worldNow } from './world.ts';

export interface ArrivalQuestion {
  readonly tag: TagName;
  readonly environment: string;
  readonly wave?: string | undefined;
  readonly countsTold: boolean;
}

export interface ArrivalNow extends Arrival<BriefNode> {
  /** Why it will never come; undefined where it may. */
  readonly never: string | undefined;
  readonly holding: readonly string[];
}

/** Where a tag is on its way, by what is stored and in effect now: also by what another process has written since the last look. */
export async function arrivalNow(context: Context, question: ArrivalQuestion): Promise<ArrivalNow | NotReady> {
  const { tag, environment, wave, countsTold } = question;
  const state = context.desk.look();
  const mayApprove = state.kind === 'ready' && state.controls.settings.tagstate.repositoryMayApprove;
  // What cannot be read now stays as it was, and is looked at again.
  await context.shelf.refresh({ mayApprove }).catch(() => false);
  const ready = worldNow(context);
  if (ready.kind === 'not-ready') return ready;
  const pages = briefNodes(context, { environment, wave });
  if ('kind' in pages) return pages;
  const nodes: BriefNode[] = [];
  for await (const page of pages) nodes.push(...page);
  const { world } = ready;
  return {
    ...arrivalOf(world, tag, { nodes, countsTold }),
    never: whyNever(world, tag, environment),
    holding: whatHolds(world, tag, environment),
  };
}
