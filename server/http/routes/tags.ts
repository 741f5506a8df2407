import { listTags } from '../../operations/overview.ts';
import { starting, unknownTag } from '../failures.ts';
import { tagOf } from '../read.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';

/** All tags, newest first, with their record, their marks and how many nodes were told them last. */
export const tagsRoute: Route = {
  method: 'GET',
  path: '/v1/tags',
  access: 'read',
  async handle({ door }) {
    const tags = await listTags(door.context);
    return 'kind' in tags ? starting(tags) : json({ tags });
  },
};

export const tagRoute: Route = {
  method: 'GET',
  path: '/v1/tags/:tag',
  access: 'read',
  async handle({ door, request }) {
    const name = tagOf(request);
    if (!name.ok) return name.reply;
    const tags = await listTags(door.context);
    if ('kind' in tags) return starting(tags);
    const tag = tags.find((listed) => listed.name === name.value);
    return tag === undefined ? unknownTag(name.value) : json(tag);
  },
};
