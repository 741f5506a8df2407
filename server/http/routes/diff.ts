import * as z from 'zod';
import { comparisonSchema } from '../../../protocol/api/changes.ts';
import { compareTags } from '../../operations/compare.ts';
import { worldNow } from '../../operations/world.ts';
import { starting, unavailable, unknownTag } from '../failures.ts';
import { readQuery } from '../read.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';
import { filePath, tagOrTrunk } from '../shapes.ts';

const query = z.object({ from: tagOrTrunk, to: tagOrTrunk, path: filePath.optional() });

/** In what two tags differ in the repository. */
export const diffRoute: Route = {
  method: 'GET',
  path: '/v1/diff',
  access: 'read',
  description: {
    summary: 'In what two tags differ, and how one file does',
    query,
    answers: { 200: comparisonSchema },
  },
  async handle({ door: { context }, request }) {
    const asked = readQuery(request, query);
    if (!asked.ok) return asked.reply;
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return starting(ready);
    const compared = await compareTags(context, asked.value);
    if (compared.kind === 'compared') return json(compared.comparison);
    return compared.kind === 'unknown-tag' ? unknownTag(compared.tag) : unavailable(compared);
  },
};
