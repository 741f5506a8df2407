import * as z from 'zod';
import { hostname, tagName } from './common.ts';

/** `PUT` and `DELETE /v1/tags/{tag}/mark`. */
export const markedSchema = z.object({
  tag: tagName,
  state: z.enum(['good', 'bad', 'badfwd', 'none']),
  changed: z.boolean().meta({ description: 'False where the file said so before.' }),
  warning: z.string().optional(),
});

/** `PUT` and `DELETE /v1/nodes/{hostname}/pin`. */
export const pinnedSchema = z.object({
  hostname,
  pin: z.string().nullable(),
  changed: z.boolean().meta({ description: 'False where the file said so before.' }),
});

/** A killswitch file. */
export const killswitchSchema = z
  .object({
    environment: z.string().nullable().meta({ description: 'Null: the global one.' }),
    message: z.string(),
    version: z.string().meta({ description: 'Names the file as it is now, for whoever removes it.' }),
  })
  .meta({ id: 'Killswitch' });

/** `GET /v1/killswitch`. */
export const killswitchesSchema = z.object({
  global: killswitchSchema.nullable(),
  environments: z.array(killswitchSchema),
});

export const resumedSchema = z.object({ environment: z.string().nullable(), removed: z.literal(true) });
