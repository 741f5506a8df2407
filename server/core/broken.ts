import type { Choice } from './choose.ts';
import type { World } from './world.ts';

/** Says of a tag, or of trunk, that it is broken and why. */
export function describeBroken(name: string, why: string): string {
  return `${name}${IS_BROKEN}: ${why}`;
}

const IS_BROKEN = ' is broken';

/** A decision as a node may read it: why a tag is broken names files of other nodes, and who they are. */
export function asNodesMayKnow<Made extends Choice>(
  choice: Made,
  { tags, trunk }: Pick<World, 'tags' | 'trunk'>,
): Made {
  const said = 'message' in choice ? [choice.message, ...choice.reasons] : choice.reasons;
  // Every poll comes by here, and most trains have nothing broken.
  if (!said.some((text) => text.includes(IS_BROKEN))) return choice;
  const broken = [...tags, ...(trunk === null ? [] : [{ name: 'trunk', broken: trunk.broken }])].flatMap(
    ({ name, broken }) => (broken === null ? [] : [{ whole: describeBroken(name, broken), short: name + IS_BROKEN }]),
  );
  const shorten = (text: string) => broken.reduce((all, { whole, short }) => all.replaceAll(whole, () => short), text);
  const reasons = choice.reasons.map(shorten);
  return 'message' in choice ? { ...choice, message: shorten(choice.message), reasons } : { ...choice, reasons };
}
