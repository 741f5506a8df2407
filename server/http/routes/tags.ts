import { tagSchema, tagsSchema } from '../../../protocol/api/tags.ts';
import { listTags } from '../../operations/overview.ts';
import { starting, unknownTag } from '../failures.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';

/** All tags, newest first, with their record, their marks and how many nodes were told them last. */
export const tagsRoute = route({
  method: 'GET',
  path: '/v1/tags',
  access: 'read',
  description: {
    group: 'Tags',
    summary: 'All tags, newest first, with their records, their marks and how many nodes have them',
    answers: { 200: tagsSchema },
  },
  async handle({ door }) {
    const tags = await listTags(door.context);
    return 'kind' in tags ? starting(tags) : json({ tags });
  },
});

export const tagRoute = route({
  method: 'GET',
  path: '/v1/tags/:tag',
  access: 'read',
  description: {
    group: 'Tags',
    summary: 'One tag: its record, its marks and how many nodes have it',
    answers: { 200: tagSchema },
    failures: ['unknown-tag'],
  },
  async handle({ door }, { path: { tag: name } }) {
    const tags = await listTags(door.context);
    if ('kind' in tags) return starting(tags);
    const tag = tags.find((listed) => listed.name === name);
    return tag === undefined ? unknownTag(name) : json(tag);
  },
});
