import { createHash } from 'node:crypto';
import type { ObjectId } from '../../../protocol/names.ts';
import type { NodeInputs } from '../../core/node-inputs.ts';
import { declaredFacts } from './recipe.ts';

/**
 * What decides a node's view of a tree, as a key. `facts`: those that the tree lets count; null where everybody has the same
 * view. As short as it can be: there may be very many, and facts come from hosts and have any length.
 */
export function questionOf(tree: ObjectId, facts: readonly string[] | null, node: NodeInputs): string {
  if (facts === null) return tree;
  const counts = [tree, node.hostname, node.environment, node.groups, declaredFacts(facts, node)];
  return createHash('sha256').update(JSON.stringify(counts)).digest('base64');
}
