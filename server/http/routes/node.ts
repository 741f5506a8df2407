import * as z from 'zod';
import { answer as answerNow } from '../../operations/answer.ts';
import type { Answer, Question } from '../../operations/assign.ts';
import { answerWhenChanged, noteTold, runningOf } from '../ask.ts';
import { tell } from '../node-answer.ts';
import { hostnameOf, readQuery } from '../read.ts';
import type { Call, Route } from '../route.ts';
import { digits } from '../shapes.ts';

const DAY_SECONDS = 86_400;
const query = z.object({
  tag: z.string().optional(),
  wait: digits('a whole number of seconds', DAY_SECONDS).optional(),
});

/** What a host should have. */
export const nodeRoute: Route = {
  method: 'GET',
  path: '/v1/nodes/:hostname',
  access: 'node',
  async handle(call) {
    const hostname = hostnameOf(call.request);
    if (!hostname.ok) return hostname.reply;
    const asked = readQuery(call.request, query);
    if (!asked.ok) return asked.reply;
    const { tag, wait = 0 } = asked.value;
    const question = { hostname: hostname.value, ...(tag === undefined ? {} : { asked: tag }) };
    const running = runningOf(call.request);
    if (!running.ok) return running.reply;
    const asText = call.request.accepts(['application/json', 'text/plain']) === 'text/plain';
    const answer = await decide(call, question, { asText, wait });
    const isNews = noteTold(call.door, answer, { ...question, running: running.value });
    const pollAfterSeconds = call.door.settings().poll.afterSeconds;
    const ifNoneMatch = call.request.headers['if-none-match'];
    return tell(answer, { hostname: hostname.value, pollAfterSeconds, ifNoneMatch, asText, isNews });
  },
};

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
