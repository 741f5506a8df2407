import * as z from 'zod';
import { assignmentSchema, HEADERS } from '../../../protocol/assignment.ts';
import { answer as answerNow } from '../../operations/answer.ts';
import type { Answer, Question } from '../../operations/assign.ts';
import { answerWhenChanged, noteTold, runningOf } from '../ask.ts';
import { tell } from '../node-answer.ts';
import { SERVE_HEADERS, STOP_HEADERS } from '../openapi/headers.ts';
import { type Call, route } from '../route.ts';
import { digits } from '../shapes.ts';

const DAY_SECONDS = 86_400;
const query = z.object({
  tag: z
    .string()
    .meta({ description: 'Asks for this tag, or `trunk`, as `client_tags` allows.', examples: ['trunk'] })
    .optional(),
  wait: digits('a whole number of seconds', DAY_SECONDS).optional(),
});

/** What a host should have. */
export const nodeRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname',
  access: 'node',
  description: {
    group: 'Hosts',
    summary: 'What a host should have',
    details:
      'A poll: a tag and the digest of its content, or why the host keeps what it has. With `Accept: text/plain` `tags/NAME` or `trunk`. With `wait` and `If-None-Match` it is answered once that has changed, or after so many seconds.',
    query,
    headers: ['If-None-Match', HEADERS.running],
    answers: {
      200: { content: { 'application/json': assignmentSchema, 'text/plain': null }, headers: SERVE_HEADERS },
      304: { headers: SERVE_HEADERS },
    },
    failures: ['hold', 'killswitch', 'tag-not-allowed', 'unknown-tag', 'broken-tag', 'bad-tag', 'bad-digest'],
    failureHeaders: STOP_HEADERS,
  },
  async handle(call, { path: { hostname }, query: { tag, wait = 0 } }) {
    const question = { hostname, ...(tag === undefined ? {} : { asked: tag }) };
    const running = runningOf(call.request);
    if (!running.ok) return running.reply;
    const asText = call.request.accepts(['application/json', 'text/plain']) === 'text/plain';
    const answer = await decide(call, question, { asText, wait });
    const isNews = noteTold(call.door, answer, { ...question, running: running.value });
    const pollAfterSeconds = call.door.settings().poll.afterSeconds;
    const ifNoneMatch = call.request.headers['if-none-match'];
    return tell(answer, { hostname, pollAfterSeconds, ifNoneMatch, asText, isNews });
  },
});

function decide(
  { door, request, response }: Call,
  question: Question,
  { asText, wait }: { asText: boolean; wait: number },
): Promise<Answer> {
  const seconds = Math.min(wait, door.settings().http.maxWaitSeconds);
  const ifNoneMatch = request.headers['if-none-match'];
  if (seconds === 0 || ifNoneMatch === undefined) return answerNow(door.context, question);
  return answerWhenChanged(door, question, { ifNoneMatch, asText, seconds, response });
}
