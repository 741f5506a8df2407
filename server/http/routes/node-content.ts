import * as z from 'zod';
import { HEADERS } from '../../../protocol/assignment.ts';
import { answer as answerNow } from '../../operations/answer.ts';
import type { Answer, ServeAnswer } from '../../operations/assign.ts';
import { ownBase } from '../../operations/ownership.ts';
import { askerOf, noteTold, runningOf } from '../ask.ts';
import { acceptsGzip, contentHeaders, contentReply, deltaEtag, packedEtag } from '../content.ts';
import { namesEtag } from '../etag.ts';
import { tell } from '../node-answer.ts';
import { reportsOf, serveHeaders } from '../node-words.ts';
import { baseOf, hostnameOf, readQuery } from '../read.ts';
import type { Reply } from '../reply.ts';
import type { Call, Route } from '../route.ts';

const query = z.object({ tag: z.string().optional() });

/** The content that a host should have, for those that only have curl. */
export const nodeArchiveRoute: Route = {
  method: 'GET',
  path: '/v1/nodes/:hostname/archive',
  access: 'node',
  handle: (call) => answer(call, 'archive'),
};

export const nodeManifestRoute: Route = {
  method: 'GET',
  path: '/v1/nodes/:hostname/manifest',
  access: 'node',
  handle: (call) => answer(call, 'manifest'),
};

async function answer(call: Call, what: 'archive' | 'manifest'): Promise<Reply> {
  const { door, request } = call;
  const hostname = hostnameOf(request);
  if (!hostname.ok) return hostname.reply;
  const running = runningOf(request);
  if (!running.ok) return running.reply;
  const asked = readQuery(request, query);
  if (!asked.ok) return asked.reply;
  const base = baseOf(request);
  if (!base.ok) return base.reply;
  const from = await ownBase(door.context, askerOf(call, hostname.value), base.value);
  const { tag } = asked.value;
  const question = { hostname: hostname.value, ...(tag === undefined ? {} : { asked: tag }) };
  const decided = await answerNow(door.context, question);
  const isNews = noteTold(door, decided, { ...question, running: running.value });
  const pollAfterSeconds = door.settings().poll.afterSeconds;
  const tellStop = (stop: Exclude<Answer, ServeAnswer>): Reply =>
    tell(stop, { hostname: hostname.value, pollAfterSeconds, ifNoneMatch: undefined, asText: false, isNews });
  if (decided.kind !== 'serve') return tellStop(decided);
  const { digest } = decided.view;
  const reports = { [HEADERS.report]: reportsOf(hostname.value) };
  const headers = { ...serveHeaders(decided, pollAfterSeconds), ...reports, ...contentHeaders(digest, what) };
  // Known before anything has to be packed.
  const others = what === 'manifest' ? [packedEtag(digest)] : from === undefined ? [] : [deltaEtag(digest, from)];
  for (const ETag of [headers.ETag, ...others])
    if (namesEtag(request.headers['if-none-match'], ETag))
      return { kind: 'prepared', status: 304, headers: Object.entries({ ...headers, ETag }).flat(), body: null };
  const reply = await contentReply(door, { digest, what, headers, from, packed: acceptsGzip(request) });
  // Packing takes its time: it is given out only if it is still the answer.
  const now = await answerNow(door.context, question);
  if (now.kind !== 'serve') return tellStop(now);
  return now.view.digest === digest ? reply : answer(call, what);
}
