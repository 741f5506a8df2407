import { open } from 'node:fs/promises';
import * as z from 'zod';
import { type Digest, parseHostname } from '../../../protocol/names.ts';
import { type Asker, mayHave, ownBase } from '../../operations/ownership.ts';
import { worldNow } from '../../operations/world.ts';
import { askerOf } from '../ask.ts';
import { acceptsGzip, contentHeaders, contentReply, findContent, unknownDigest, type What } from '../content.ts';
import { namesEtag } from '../etag.ts';
import { badHostname, starting } from '../failures.ts';
import { NOT_YOUR_OWN, speaksFor } from '../guard.ts';
import { contentAnswers, FOR_FILES, fromQuery } from '../openapi/content.ts';
import { baseOf } from '../read.ts';
import type { FailureReply, Headers, Read, Reply } from '../reply.ts';
import { type Call, route } from '../route.ts';
import { sumsOf } from '../sums.ts';

const forNode = z.object({
  node: z
    .string()
    .meta({ description: "Whose view it is, where it is not everybody's.", examples: ['web1.example.com'] })
    .optional(),
});
const format = z
  .literal('sha256sum', 'expected sha256sum')
  .meta({ description: 'As `sha256sum --check` reads it: the regular files alone.' })
  .optional();

const described = {
  group: 'Hosts',
  headers: ['If-None-Match', 'Range'],
  failures: ['unknown-digest', 'killswitch', 'bad-hostname', 'bad-digest', ...FOR_FILES],
  failureHeaders: ['Retry-After'],
} as const;

/** Content by its digest: it never changes, so it may be kept. */
export const viewArchiveRoute = route({
  method: 'GET',
  path: '/v1/views/:digest/archive',
  access: 'view',
  description: {
    ...described,
    summary: 'The files of a view by its digest, as tar.gz',
    details: 'It never changes, so it may be kept. With `from` only what differs, where that is at hand.',
    query: forNode.extend(fromQuery),
    answers: contentAnswers('archive', ['ETag']),
  },
  handle: (call, { path: { digest }, query: { node, from } }) => answer(call, { digest, node, from }, 'archive'),
});

export const viewManifestRoute = route({
  method: 'GET',
  path: '/v1/views/:digest/manifest',
  access: 'view',
  description: {
    ...described,
    summary: 'The list of the files of a view, by its digest: the SHA-256 of these bytes',
    query: forNode.extend({ format }),
    answers: contentAnswers('manifest', ['ETag'], ['text/plain']),
  },
  handle(call, { path: { digest }, query: { node, format } }) {
    return format === undefined ? answer(call, { digest, node }, 'manifest') : answerSums(call, { digest, node });
  },
});

const FOR_GOOD = { 'Cache-Control': 'private, max-age=86400, immutable' };

interface Wanted {
  readonly digest: Digest;
  readonly node: string | undefined;
  readonly from?: string | undefined;
}

async function answer(call: Call, wanted: Wanted, what: What): Promise<Reply> {
  const { door, request } = call;
  const { digest } = wanted;
  const whose = askerBy(call, wanted);
  if (!whose.ok) return whose.reply;
  const asker = whose.value;
  const from = baseOf(wanted.from);
  if (!from.ok) return from.reply;
  const refusal = stopped(door);
  if (refusal !== undefined) return refusal;
  if (!(await mayHave(door.context, asker, digest))) return unknownDigest(digest);
  const headers = { ...FOR_GOOD, ...contentHeaders(digest, what) };
  const base = await ownBase(door.context, asker, from.value);
  return contentUnlessStopped(door, { digest, what, headers, from: base, packed: acceptsGzip(request) });
}

/** Whose view it is, where it is not everybody's. Who has shown a name need not say it. */
function askerBy(call: Pick<Call, 'caller'>, wanted: Pick<Wanted, 'node'>): Read<Asker> {
  const { caller } = call;
  const own = caller.kind === 'node' ? caller.hostnames[0] : undefined;
  const { node = own } = wanted;
  if (node === undefined) return { ok: true, value: askerOf(call, undefined) };
  const hostname = parseHostname(node);
  if (hostname === undefined) return { ok: false, reply: badHostname(node) };
  if (own !== undefined && !speaksFor(caller, hostname)) return { ok: false, reply: NOT_YOUR_OWN };
  return { ok: true, value: askerOf(call, hostname) };
}

/** Packing takes its time: what was pulled meanwhile counts. */
async function contentUnlessStopped(door: Call['door'], wanted: Parameters<typeof contentReply>[1]): Promise<Reply> {
  const reply = await contentReply(door, wanted);
  return stopped(door) ?? reply;
}

/** Who is in which environment is not known here: the client's second question finds an environment's killswitch. */
function stopped({ context, settings }: Call['door']): FailureReply | undefined {
  const state = context.desk.look();
  const { killswitch } = state.kind === 'ready' ? state.controls : state;
  if (killswitch.global !== null) {
    const { message } = killswitch.global;
    const reasons = ['the killswitch stops everything'];
    const headers = { 'Retry-After': String(settings().poll.afterSeconds) };
    return {
      kind: 'failure',
      code: 'killswitch',
      title: 'the killswitch is on: nothing is given out',
      message,
      reasons,
      headers,
    };
  }
  const ready = worldNow(context);
  return ready.kind === 'not-ready' ? starting(ready) : undefined;
}

/** The regular files as `sha256sum --check` reads them. Links have no line: it would follow them. */
async function answerSums(call: Call, wanted: Wanted, isAgain = false): Promise<Reply> {
  const { door, request } = call;
  const { digest } = wanted;
  const asker = askerBy(call, wanted);
  if (!asker.ok) return asker.reply;
  const refusal = stopped(door);
  if (refusal !== undefined) return refusal;
  if (!(await mayHave(door.context, asker.value, digest))) return unknownDigest(digest);
  const manifest = await findContent(door, digest, 'manifest');
  if ('kind' in manifest) return manifest;
  const headers = sumHeaders(digest);
  if (namesEtag(request.headers['if-none-match'], headers.ETag))
    return { kind: 'prepared', status: 304, headers: Object.entries(headers).flat(), body: null };
  // From here on it may be removed.
  const opened = await open(manifest.path).catch(() => undefined);
  if (opened === undefined) return isAgain ? unknownDigest(digest) : answerSums(call, wanted, true);
  return { kind: 'stream', headers, pieces: sumsOf(opened.createReadStream({ encoding: 'utf8' })) };
}

function sumHeaders(digest: Digest): Headers & { readonly ETag: string } {
  return { ...FOR_GOOD, ETag: `"${digest}-sha256sum"`, 'Content-Type': 'text/plain; charset=utf-8' };
}
