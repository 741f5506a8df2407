import type { IncomingMessage } from 'node:http';
import * as z from 'zod';
import type { Digest, Hostname } from '../../../protocol/names.ts';
import { type Answer, assign, type Question } from '../../operations/assign.ts';
import { assignWhenChanged, noteTold, runningOf } from '../ask.ts';
import type { Door } from '../door.ts';
import { tellOther, tellServe } from '../node-answer.ts';
import { hostnameOf, readQuery } from '../read.ts';
import type { FailureReply, PreparedReply } from '../reply.ts';
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
  access: 'anyone',
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
    return tell(call.door, call.request, { question, running: running.value, asText, answer });
  },
};

/** The plain question, as hosts ask it from cron: no other tag, no waiting, no words. */
export async function answerPlainPoll(
  door: Door,
  request: IncomingMessage,
  hostname: Hostname,
): Promise<PreparedReply | FailureReply> {
  const running = runningOf(request);
  if (!running.ok) return running.reply;
  const question = { hostname };
  const answer = await assign(door.context, question);
  return tell(door, request, { question, running: running.value, asText: false, answer });
}

interface Decided {
  readonly question: Question;
  readonly running: Digest | null;
  readonly asText: boolean;
  readonly answer: Answer;
}

function tell(
  door: Door,
  request: IncomingMessage,
  { question, running, asText, answer }: Decided,
): PreparedReply | FailureReply {
  noteTold(door, answer, { ...question, running });
  const pollAfterSeconds = door.settings().poll.afterSeconds;
  if (answer.kind !== 'serve') return tellOther(answer, pollAfterSeconds);
  return tellServe(answer, { pollAfterSeconds, ifNoneMatch: request.headers['if-none-match'], asText });
}

function decide(
  { door, request, response }: Call,
  question: Question,
  { asText, wait }: { asText: boolean; wait: number },
): Promise<Answer> {
  const seconds = Math.min(wait, door.settings().http.maxWaitSeconds);
  const ifNoneMatch = request.headers['if-none-match'];
  if (seconds === 0 || ifNoneMatch === undefined) return assign(door.context, question);
  return assignWhenChanged(door, question, { ifNoneMatch, asText, seconds, response });
}
