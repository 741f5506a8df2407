import type { TagRecord } from '../core/tag.ts';
import type { Context } from './context.ts';
import { knownNodes } from './known-nodes.ts';

/**
 * Has made what nodes will ask for of a new tag: archives, and what leads there from the tag before, which is what nodes run
 * that get it. Goes on by itself; whatever fails is made when it is asked for.
 */
export async function prepareContent(context: Context, record: TagRecord): Promise<void> {
  if (record.broken !== null) return;
  const earlier = context.shelf.current().tags.filter(({ hour, broken }) => hour < record.hour && broken === null);
  const before = earlier.findLast(({ tree }) => tree !== record.tree)?.tree;
  try {
    await context.views.prepare(record.tree, await knownNodes(context), before);
  } catch (error) {
    context.log.warn('the content of a new tag is not made ahead', { tag: record.name, error });
  }
}
