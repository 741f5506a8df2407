import { floorHour, parseTagName, startOf, type TagName } from '../../protocol/names.ts';
import type { Decision } from './decide.ts';
import { lookUp } from './named-tag.ts';
import { PIN_TAG, stampOf } from './pin-tag.ts';
import { type PinFound, pinOf } from './pins.ts';
import { instant, quoted } from './wording.ts';
import type { PlacedNode, World } from './world.ts';

type Pin = Extract<PinFound, { kind: 'pin' }>;

/** What a node's pin says now: nothing, something that is over, or what to serve or hold. */
export type PinVerdict =
  | { readonly kind: 'none' }
  | { readonly kind: 'over'; readonly reason: string }
  | { readonly kind: 'decided'; readonly decision: Decision };

/**
 * A pin is served even when its tag is marked, since it is an operator's word about this very host; the reasons name the
 * mark. What cannot be served, or not be understood, holds.
 */
export function judgePin(world: World, node: PlacedNode): PinVerdict {
  const pin = pinOf(world, node.hostname);
  if (pin === undefined) return { kind: 'none' };
  if (pin.kind === 'bad') return { kind: 'decided', decision: badPin(node, pin) };
  if (pin.tag === 'trunk') return { kind: 'decided', decision: servePinned(world, node, { pin, tag: 'trunk' }) };
  const tag = parseTagName(pin.tag);
  if (tag !== undefined) return { kind: 'decided', decision: servePinned(world, node, { pin, tag }) };
  const stamp = stampOf(pin.tag);
  if (stamp === undefined) {
    const why = `${quoted(pin.tag)} is not ${PIN_TAG}`;
    return { kind: 'decided', decision: badPin(node, { where: pin.where, why }) };
  }
  return judgeBump(world, node, { pin, stamp });
}

/** `trunk-YYYYMMDD-HHMM` sends a host to trunk at once, until its wave has a tag that holds what was in trunk then. */
function judgeBump(world: World, node: PlacedNode, { pin, stamp }: { pin: Pin; stamp: number }): PinVerdict {
  const hours = Math.max(node.wave.hours, 1);
  const floor = floorHour(world.now);
  if (startOf(floor - hours) < stamp && stamp <= world.now)
    return { kind: 'decided', decision: servePinned(world, node, { pin, tag: 'trunk' }) };
  const why =
    stamp > world.now ? 'is ahead of now' : `was over at ${instant(startOf(Math.ceil(stamp / startOf(1)) + hours))}`;
  return { kind: 'over', reason: `the pin to ${pin.tag} (${pin.where}) ${why}: ignoring it` };
}

function servePinned(world: World, node: PlacedNode, { pin, tag }: { pin: Pin; tag: TagName | 'trunk' }): Decision {
  const because = pin.reason === '' ? '' : `: ${JSON.stringify(pin.reason)}`;
  const steps = [`${node.hostname} is pinned to ${pin.tag}${because} (${pin.where})`];
  const { mark, described, flaw, notes } = lookUp(world, node.wave.environment, tag);
  if (flaw === null) {
    const marked = mark === undefined ? [] : [`${described}: serving it all the same`];
    return { outcome: 'serve', tag, reasons: [...steps, ...marked, ...notes] };
  }
  const hold = flaw.kind === 'broken' ? 'broken-tag' : tag === 'trunk' ? 'no-trunk' : 'unknown-tag';
  const message = `${node.hostname} is pinned (${pin.where}), but ${flaw.why}: it keeps what it has; correct or remove the pin`;
  return { outcome: 'hold', hold, message, reasons: [...steps, flaw.why] };
}

function badPin({ hostname }: PlacedNode, { where, why }: { where: string; why: string }): Decision {
  const message = `the pin of ${hostname} (${where}) cannot be understood: ${why}; it keeps what it has until the line is corrected`;
  return { outcome: 'hold', hold: 'bad-pin', message, reasons: [`${where}: ${why}`] };
}
