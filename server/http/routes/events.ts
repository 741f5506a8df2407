import * as z from 'zod';
import { eventsSchema } from '../../../protocol/api/events.ts';
import type { EventKind, StoredEvent } from '../../core/event.ts';
import type { EventQuery } from '../../ports/store.ts';
import { eventStream } from '../event-stream.ts';
import { json, type Reply } from '../reply.ts';
import { type Call, route } from '../route.ts';
import { digits, instant, parsed } from '../shapes.ts';

const KINDS = {
  mark: true,
  kill: true,
  resume: true,
  pin: true,
  setting: true,
  'control-file': true,
  token: true,
  enrolment: true,
  approval: true,
  login: true,
  refusal: true,
  'tag-created': true,
  'tag-pruned': true,
  prune: true,
  fetch: true,
  assignment: true,
  report: true,
  'failure-spike': true,
  'wave-arrived': true,
  'problem-raised': true,
  'problem-cleared': true,
  server: true,
} satisfies Record<EventKind, true>;

const EXPECTED_KINDS = `kinds with commas between them: ${Object.keys(KINDS).join(', ')}`;
const FEW = 100;
const MOST = 1000;

const id = digits('the id of an event', Number.MAX_SAFE_INTEGER);
const query = z.object({
  since: instant.optional(),
  until: instant.optional(),
  kinds: parsed(
    EXPECTED_KINDS,
    (text) => {
      const kinds = text.split(',');
      return kinds.every(isKind) ? kinds : undefined;
    },
    { examples: ['mark,kill,resume'] },
  ).optional(),
  subject: z.string().meta({ description: 'A file, tag, hostname or problem.' }).optional(),
  after: id.optional(),
  limit: digits(`a number up to ${MOST}`, MOST).default(FEW),
});

/** Everything that changed, by whom, before and after. Newest first, with `until` back from there; with `after`, onwards. */
export const eventsRoute = route({
  method: 'GET',
  path: '/v1/events',
  access: 'read',
  description: {
    group: 'History',
    summary: 'Everything that changed: by whom, before and after',
    details:
      'Newest first, with `until` back from there; with `after`, oldest first from there on. With `Accept: text/event-stream` they follow as they happen, each as an event of its kind with its id.',
    query,
    headers: ['Last-Event-ID'],
    answers: { 200: { content: { 'application/json': eventsSchema, 'text/event-stream': null } } },
  },
  async handle(call, { query: { since, until, kinds, subject, after, limit } }) {
    const filter = {
      ...(since === undefined ? {} : { since }),
      ...(until === undefined ? {} : { until }),
      ...(kinds === undefined ? {} : { kinds }),
      ...(subject === undefined ? {} : { subject }),
    };
    if (call.request.accepts(['application/json', 'text/event-stream']) === 'text/event-stream')
      return stream(call, filter, after);
    const { context } = call.door;
    await context.fleet.flush();
    const page = after === undefined ? {} : ({ afterId: after, order: 'oldest' } as const);
    const events = await context.store.events({ ...filter, ...page, limit });
    return json({ events: events.map(shownEvent) });
  },
});

function isKind(text: string): text is EventKind {
  return Object.hasOwn(KINDS, text);
}

/** A client that comes back says which event it saw last, and misses none. */
async function stream(
  { door, request, response, refusedNow }: Call,
  filter: Omit<EventQuery, 'limit'>,
  after: number | undefined,
): Promise<Reply> {
  const last = id.safeParse(request.headers['last-event-id']);
  const from = last.success ? last.data : (after ?? (filter.since === undefined ? await newestId(door.context) : 0));
  return {
    kind: 'stream',
    headers: { 'Content-Type': 'text/event-stream; charset=utf-8' },
    pieces: eventStream(door, {
      filter,
      from,
      response,
      isWelcome: () => refusedNow() === undefined,
      shown: shownEvent,
    }),
  };
}

async function newestId({ fleet, store }: Call['door']['context']): Promise<number> {
  await fleet.flush();
  const [newest] = await store.events({ limit: 1 });
  return newest?.id ?? 0;
}

function shownEvent({ at, ...rest }: StoredEvent) {
  return { ...rest, at: new Date(at).toISOString() };
}
