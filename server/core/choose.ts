import { type Hostname, parseTagName, type TagName } from '../../protocol/names.ts';
import { judgeAsked, type Refusal } from './asked.ts';
import { type Decision, decideBySchedule } from './decide.ts';
import { groupsOf } from './groups.ts';
import { stops } from './marks.ts';
import { contentNotes, lookUp } from './named-tag.ts';
import { judgePin } from './pinned.ts';
import { type Wave, waveOf } from './schedule.ts';
import { findTag } from './tag.ts';
import { quoted } from './wording.ts';
import type { Placed, PlacedNode, UnplacedNode, World } from './world.ts';

export type Choice = Decision | Refusal;

/** The groups and the wave of a node. `grouper`: what the nodegrouper printed, none where there is no nodegrouper, or why it failed. */
export function place(
  world: World,
  hostname: Hostname,
  grouper: readonly string[] | { readonly failed: string },
): Placed {
  if ('failed' in grouper) return { hostname, groups: [], wave: null, failed: grouper.failed };
  const groups = groupsOf({ nodes: world.nodes, nodeGroups: world.nodeGroups, hostname, grouper });
  return { hostname, groups, wave: waveOf(world.schedule, hostname, groups) };
}

/**
 * What comes before every rule of a site: the killswitch, doubt about the wave, a tag that the client asked for, a pin.
 * Undefined where none of them applies: then the nodetagger decides, or the schedule.
 */
export function chooseFirst(world: World, placed: Placed, asked?: string): Choice | undefined {
  const stopped = stopOf(world, placed.wave);
  if (stopped !== undefined) return stopped;
  if (placed.wave === null) return holdUnplaced(world, placed);
  if (asked !== undefined) return judgeAsked(world, placed, asked);
  const pin = judgePin(world, placed);
  return pin.kind === 'decided' ? pin.decision : undefined;
}

/** What follows from a nodetagger's answer. One line in `tagstate` must stop a tag, whatever chose it. */
export function judgeNodetagger(
  world: World,
  placed: Placed,
  answer: { readonly text: string } | { readonly failed: string },
): Decision {
  if (placed.wave === null) return holdUnplaced(world, placed);
  const steps = reasonsSoFar(world, placed);
  if ('failed' in answer) return nodetaggerFailed(placed, steps, answer.failed);
  const text = answer.text.split(/[\r\n]/, 1)[0]?.trim() ?? '';
  const tag = text === 'trunk' ? text : parseTagName(text);
  if (text === '') return nodetaggerFailed(placed, steps, 'it answered nothing');
  if (tag === undefined) return nodetaggerFailed(placed, steps, `it answered ${quoted(text)}, which is no tag`);
  return judgeAnswer(world, placed, { tag, steps: [...steps, `the nodetagger answered ${tag}`] });
}

/** What the schedule gives, for a node to which nothing else applies. */
export function chooseBySchedule(world: World, placed: Placed): Decision {
  if (placed.wave === null) return holdUnplaced(world, placed);
  const decision = scheduled(world, placed.wave);
  return { ...decision, reasons: [...reasonsSoFar(world, placed), ...decision.reasons] };
}

/** What a node of a wave gets of which nothing else is known: no pin, no wish, no nodetagger. */
export function chooseForWave(world: World, wave: Wave): Decision {
  return stopOf(world, wave) ?? scheduled(world, wave);
}

function scheduled({ now, tags, marks }: World, wave: Wave): Decision {
  const decision = decideBySchedule({ now, tags, marks, wave });
  const served = decision.outcome === 'serve' && decision.tag !== 'trunk' ? findTag(tags, decision.tag) : undefined;
  const notes = served === undefined ? [] : contentNotes(served);
  return { ...decision, reasons: [...decision.reasons, ...notes] };
}

/** An environment's killswitch stops only nodes that are known to be in it. */
function stopOf({ killswitch }: World, wave: Wave | null): Decision | undefined {
  const { global, environments } = killswitch;
  if (global !== null)
    return {
      outcome: 'killswitch',
      environment: null,
      message: global.message,
      reasons: ['the killswitch stops everything'],
    };
  if (wave === null) return undefined;
  const { environment } = wave;
  const stop = environments.get(environment);
  if (stop === undefined) return undefined;
  const reasons = [`killswitch.d/${environment} stops ${environment}`];
  return { outcome: 'killswitch', environment, message: stop.message, reasons };
}

function holdUnplaced({ killswitch }: World, { hostname, failed }: UnplacedNode): Decision {
  const stopped = [...killswitch.environments.keys()];
  const also =
    stopped.length === 0 ? [] : [`killswitch.d stops ${stopped.join(', ')}, and ${hostname} may be in there`];
  const message =
    `the nodegrouper failed (${failed}), so it is not known which wave ${hostname} is in: it keeps what it has; ` +
    'repair the nodegrouper, or do without by nodegrouper: none';
  return {
    outcome: 'hold',
    hold: 'nodegrouper-failed',
    message,
    reasons: [`the nodegrouper failed: ${failed}`, ...also],
  };
}

/** Steps that were taken before the nodetagger or the schedule is asked, and led to nothing. */
function reasonsSoFar(world: World, node: PlacedNode): string[] {
  const pin = judgePin(world, node);
  return pin.kind === 'over' ? [pin.reason] : [];
}

function judgeAnswer(
  world: World,
  node: PlacedNode,
  { tag, steps }: { tag: TagName | 'trunk'; steps: readonly string[] },
): Decision {
  const { mark, described, flaw, notes } = lookUp(world, node.wave.environment, tag);
  if (flaw?.kind === 'unknown')
    return tag === 'trunk' ? hold('no-trunk', node, [...steps, flaw.why]) : nodetaggerFailed(node, steps, flaw.why);
  if (stops(mark?.state)) return hold('marked-bad', node, [...steps, described]);
  if (flaw !== null) return hold('broken-tag', node, [...steps, flaw.why]);
  return { outcome: 'serve', tag, reasons: [...steps, `${described}: serving it`, ...notes] };
}

function hold(code: 'no-trunk' | 'marked-bad' | 'broken-tag', node: PlacedNode, reasons: readonly string[]): Decision {
  const message =
    `the nodetagger chose a tag for ${node.hostname} that cannot be served: ${reasons.at(-1)}; it keeps what it has until the ` +
    'nodetagger answers another one';
  return { outcome: 'hold', hold: code, message, reasons };
}

function nodetaggerFailed(node: PlacedNode, steps: readonly string[], why: string): Decision {
  const message =
    `the nodetagger failed for ${node.hostname}: ${why}; it keeps what it has; repair the nodetagger, or do without by ` +
    'nodetagger: schedule';
  return { outcome: 'hold', hold: 'nodetagger-failed', message, reasons: [...steps, `the nodetagger failed: ${why}`] };
}
