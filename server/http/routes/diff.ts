import * as z from 'zod';
import { comparisonSchema } from '../../../protocol/api/changes.ts';
import { compareTags } from '../../operations/compare.ts';
import { worldNow } from '../../operations/world.ts';
import { starting, unavailable, unknownTag } from '../failures.ts';
import { refuseContents } from '../file-contents.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';
import { filePath, tagOrTrunk } from '../shapes.ts';

/** In what two tags differ in the repository. */
export const diffRoute = route({
  method: 'GET',
  path: '/v1/diff',
  access: 'read',
  description: {
    group: 'Tags',
    summary: 'In what two tags differ, and how one file does',
    details: 'With `path` also the patch of that file, for operators: what is in files may be secret.',
    query: z.object({ from: tagOrTrunk, to: tagOrTrunk, path: filePath.optional() }),
    answers: { 200: comparisonSchema },
    failures: ['unknown-tag', 'state-unavailable'],
  },
  async handle({ door: { context }, caller }, { query }) {
    const refusal = query.path === undefined ? undefined : refuseContents(caller);
    if (refusal !== undefined) return refusal;
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return starting(ready);
    const compared = await compareTags(context, query);
    if (compared.kind === 'compared') return json(compared.comparison);
    return compared.kind === 'unknown-tag' ? unknownTag(compared.tag) : unavailable(compared);
  },
});
