import { helloSchema } from '../../../protocol/api/train.ts';
import { hello, liveStream } from '../live-stream.ts';
import { failure, json } from '../reply.ts';
import { route } from '../route.ts';

/** Each is a connection, and is looked after once a second. */
const MOST_AT_ONCE = 500;

/** What is worth asking for again, as soon as it is. */
export const liveRoute = route({
  method: 'GET',
  path: '/v1/live',
  access: 'read',
  description: {
    group: 'History',
    summary: 'What is worth asking for again, told at most once a second',
    details:
      'With `Accept: text/event-stream` server-sent events: `hello` when the stream begins, after which everything is to be asked for, then `changed` with the topics: ' +
      '`map`, `nodes`, `tags`, `problems`, `killswitch`, `events`, `settings`. A comment every 15 seconds. ' +
      'Without, no more than what `hello` says.',
    answers: { 200: { content: { 'text/event-stream': null, 'application/json': helloSchema } } },
    failures: ['rate-limited'],
  },
  handle({ door, request, response, refusedNow }) {
    if (request.accepts(['application/json', 'text/event-stream']) !== 'text/event-stream') return json(hello());
    if (door.context.live.followers() >= MOST_AT_ONCE)
      return failure('rate-limited', `${MOST_AT_ONCE} pages look on already`, 'close some of them, or ask again later');
    return {
      kind: 'stream',
      headers: { 'Content-Type': 'text/event-stream; charset=utf-8', 'X-Accel-Buffering': 'no' },
      pieces: liveStream(door, { response, isWelcome: () => refusedNow() === undefined }),
    };
  },
});
