import type { FileError } from '../core/problem.ts';
import { sentenceOf } from '../core/problem.ts';
import type { World } from '../core/world.ts';
import type { Context } from './context.ts';
import type { Controls, DeskState } from './desk.ts';
import type { Shelf } from './shelf.ts';

/** Why nothing can be decided yet. */
export interface NotReady {
  readonly kind: 'not-ready';
  readonly sentence: string;
  readonly hint: string;
}

export interface Ready {
  readonly kind: 'ready';
  readonly world: World;
  readonly controls: Controls;
}

/** Everything that decides, at one instant: the trusted one now, unless another is given. */
export function worldNow(context: Context, at?: number): Ready | NotReady {
  const state = context.desk.look();
  if (state.kind !== 'ready') return notReady(state);
  const { controls } = state;
  return { kind: 'ready', controls, world: worldOf(controls, context.shelf.current(), at ?? context.time.now()) };
}

export function worldOf(controls: Controls, shelf: Shelf, now: number): World {
  return {
    now,
    tags: shelf.tags,
    trunk: shelf.trunk,
    marks: { base: controls.marks, repository: shelf.repositoryMarks, environments: controls.environments },
    schedule: controls.schedule,
    nodes: controls.nodes,
    nodeGroups: controls.nodeGroups,
    pins: controls.pins,
    killswitch: controls.killswitch,
    clientTags: controls.settings.clientTags,
  };
}

function notReady(state: Exclude<DeskState, { kind: 'ready' }>): NotReady {
  if (state.kind === 'starting')
    return {
      kind: 'not-ready',
      sentence: `starting: waiting for ${state.waitingFor.join(', ')} to be unchanged for a moment`,
      hint: 'ask again in a few seconds',
    };
  return {
    kind: 'not-ready',
    sentence: `there are invalid control files and no last valid text: ${state.errors.map(sentenceOf).join('; ')}`,
    hint: 'correct them; "tagwave-server check" shows all errors',
  };
}

export function errorsOf(state: DeskState): readonly FileError[] {
  return state.kind === 'refused' ? state.errors : [];
}
