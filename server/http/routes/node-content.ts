import * as z from 'zod';
import { HEADERS } from '../../../protocol/assignment.ts';
import type { Hostname } from '../../../protocol/names.ts';
import { answer as answerNow } from '../../operations/answer.ts';
import type { Answer, ServeAnswer } from '../../operations/assign.ts';
import { ownBase } from '../../operations/ownership.ts';
import { askerOf, noteTold, runningOf } from '../ask.ts';
import { acceptsGzip, contentHeaders, contentReply, deltaEtag, packedEtag, type What } from '../content.ts';
import { namesEtag } from '../etag.ts';
import { tell } from '../node-answer.ts';
import { reportsOf, serveHeaders } from '../node-words.ts';
import { contentAnswers, FOR_FILES, fromQuery } from '../openapi/content.ts';
import { SERVE_HEADERS, STOP_HEADERS } from '../openapi/headers.ts';
import { baseOf } from '../read.ts';
import type { Reply } from '../reply.ts';
import { type Call, route } from '../route.ts';

const query = z.object({
  tag: z
    .string()
    .meta({ description: 'Of this tag, or `trunk`, as `client_tags` allows.', examples: ['trunk'] })
    .optional(),
});
const described = {
  group: 'Hosts',
  headers: ['If-None-Match', 'Range', HEADERS.running],
  failures: [
    'hold',
    'killswitch',
    'tag-not-allowed',
    'unknown-tag',
    'broken-tag',
    'bad-tag',
    'bad-digest',
    ...FOR_FILES,
  ],
  failureHeaders: STOP_HEADERS,
} as const;

/** The content that a host should have, for those that only have curl. */
export const nodeArchiveRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname/archive',
  access: 'node',
  description: {
    ...described,
    summary: 'The files that a host should have, as tar.gz',
    details:
      'Never pipe it into tar: a download that is cut off would be half a release. With `from` only what differs, where that is at hand: its first entry is `.tagwave-delta.json`.',
    query: query.extend(fromQuery),
    answers: contentAnswers('archive', SERVE_HEADERS),
  },
  handle: (call, { path: { hostname }, query: { tag, from } }) =>
    answer(call, { what: 'archive', hostname, tag, from }),
});

export const nodeManifestRoute = route({
  method: 'GET',
  path: '/v1/nodes/:hostname/manifest',
  access: 'node',
  description: {
    ...described,
    summary: 'The list of the files that a host should have: the digest is the SHA-256 of these bytes',
    query,
    answers: contentAnswers('manifest', SERVE_HEADERS),
  },
  handle: (call, { path: { hostname }, query: { tag } }) => answer(call, { what: 'manifest', hostname, tag }),
});

interface Wanted {
  readonly what: What;
  readonly hostname: Hostname;
  readonly tag: string | undefined;
  readonly from?: string | undefined;
}

async function answer(call: Call, wanted: Wanted): Promise<Reply> {
  const { door, request } = call;
  const { what, hostname, tag } = wanted;
  const running = runningOf(request);
  if (!running.ok) return running.reply;
  const base = baseOf(wanted.from);
  if (!base.ok) return base.reply;
  const from = await ownBase(door.context, askerOf(call, hostname), base.value);
  const question = { hostname, ...(tag === undefined ? {} : { asked: tag }) };
  const decided = await answerNow(door.context, question);
  const isNews = noteTold(door, decided, { ...question, running: running.value });
  const pollAfterSeconds = door.settings().poll.afterSeconds;
  const tellStop = (stop: Exclude<Answer, ServeAnswer>): Reply =>
    tell(stop, { hostname, pollAfterSeconds, ifNoneMatch: undefined, asText: false, isNews });
  if (decided.kind !== 'serve') return tellStop(decided);
  const { digest } = decided.view;
  const reports = { [HEADERS.report]: reportsOf(hostname) };
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
  return now.view.digest === digest ? reply : answer(call, wanted);
}
