import * as z from 'zod';
import { count, instant, markSchema, objectId, tagName } from './common.ts';

/** All that is known of a tag. */
export const tagRecordSchema = z
  .object({
    name: tagName,
    hour: count.meta({ description: 'Whole hours since 1970-01-01T00:00Z.' }),
    broken: z.string().nullable().meta({ description: 'Why it cannot be served; null where it can.' }),
    commit: objectId,
    tree: objectId,
    author: z.string(),
    subject: z.string(),
    created: instant,
    fetched: instant.nullable().meta({ description: 'When the commit was last seen at the source.' }),
    origin: z.enum(['cron', 'late', 'backfill', 'manual']),
    stale: z.boolean().meta({ description: 'Made while the source could not be read, or from a tip of long before.' }),
    commits: count.nullable().meta({ description: 'Since the tag before; null where that cannot be said.' }),
  })
  .meta({ id: 'TagRecord' });

/** `GET /v1/tags/{tag}`. */
export const tagSchema = tagRecordSchema
  .extend({
    marks: z.record(z.string(), markSchema).meta({
      description: 'By environment; one that is not named has no mark.',
    }),
    nodes: count.meta({ description: 'How many were told this tag last.' }),
    ahead: z.boolean().meta({ description: 'Its hour has not come.' }),
  })
  .meta({ id: 'Tag' });
export type ShownTag = z.infer<typeof tagSchema>;

/** `GET /v1/tags`: newest first. */
export const tagsSchema = z.object({ tags: z.array(tagSchema) });

/** `POST /v1/snapshots`. */
export const snapshotSchema = z.object({ outcome: z.enum(['created', 'exists']), record: tagRecordSchema });
