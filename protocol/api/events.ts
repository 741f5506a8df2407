import * as z from 'zod';
import { instant } from './common.ts';

/** Something that changed. */
export const eventSchema = z
  .object({
    id: z.int().positive(),
    at: instant,
    kind: z.string(),
    by: z.string().meta({ description: 'Who: a person, the name of a token, a host, `file owner …`, `server`.' }),
    from: z.string().nullable().meta({ description: 'From where: an address, `command line`, `file`, …' }),
    subject: z.string().meta({ description: 'A file, tag, hostname or problem.' }),
    before: z.string().nullable(),
    after: z.string().nullable(),
    why: z.string().nullable().meta({ description: 'The reason that was given.' }),
    summary: z.string().meta({ description: 'One sentence.' }),
    hash: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .nullable()
      .meta({ description: 'Over the event and all of the chain before it; null for kinds outside of the chain.' }),
  })
  .meta({ id: 'Event' });
export type ShownEvent = z.infer<typeof eventSchema>;

/** `GET /v1/events`. */
export const eventsSchema = z.object({ events: z.array(eventSchema) });
