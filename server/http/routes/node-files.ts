import * as z from 'zod';
import { comparisonSchema } from '../../../protocol/api/changes.ts';
import { nodeFilesSchema } from '../../../protocol/api/nodes.ts';
import { type NoFiles, nodeDiff, nodeFiles } from '../../operations/node-files.ts';
import { starting, unavailable, unknownTag } from '../failures.ts';
import { refuseContents } from '../file-contents.ts';
import { type FailureReply, failure, json } from '../reply.ts';
import { route } from '../route.ts';
import { filePath, tagOrTrunk } from '../shapes.ts';

const FAILURES = ['unknown-tag', 'broken-tag', 'hold', 'killswitch', 'state-unavailable'] as const;

/** A node's view of a tag; without one, of what it is due. */
export const nodeFilesRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname/files',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: "A node's files of a tag, or of what it is due, as the node would get them",
    query: z.object({ tag: tagOrTrunk.optional() }),
    answers: { 200: nodeFilesSchema },
    failures: FAILURES,
  },
  async handle({ door: { context } }, { path: { hostname }, query }) {
    const found = await nodeFiles(context, { hostname, ...query });
    return found.kind === 'files' ? json(found.files) : noFiles(found);
  },
});

/** In what a node's views of two tags differ. */
export const nodeDiffRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname/diff',
  access: 'read',
  description: {
    group: 'Fleet',
    summary: "In what a node's files of two tags differ, and how one file does",
    details: 'With `path` also the patch of that file, for operators: what is in files may be secret.',
    query: z.object({ from: tagOrTrunk, to: tagOrTrunk, path: filePath.optional() }),
    answers: { 200: comparisonSchema },
    failures: FAILURES,
  },
  async handle({ door: { context }, caller }, { path: { hostname }, query }) {
    const refusal = query.path === undefined ? undefined : refuseContents(caller);
    if (refusal !== undefined) return refusal;
    const found = await nodeDiff(context, { hostname, ...query });
    return found.kind === 'compared' ? json(found.comparison) : noFiles(found);
  },
});

function noFiles(found: NoFiles): FailureReply {
  switch (found.kind) {
    case 'not-ready':
      return starting(found);
    case 'unknown-tag':
      return unknownTag(found.tag);
    case 'broken-tag':
      return failure('broken-tag', found.sentence, 'look at another tag');
    case 'unavailable':
      return unavailable(found);
    case 'stopped':
      return stopped(found.decision);
    default:
      return found satisfies never;
  }
}

function stopped(decision: Extract<NoFiles, { kind: 'stopped' }>['decision']): FailureReply {
  const { outcome, message, reasons } = decision;
  const title =
    outcome === 'hold'
      ? `the node is given nothing: ${decision.hold}`
      : 'the node is given nothing: the killswitch is on';
  const hold = outcome === 'hold' ? { hold: decision.hold } : {};
  return { ...failure(outcome, title, 'name a tag, or trunk, with ?tag='), ...hold, message, reasons };
}
