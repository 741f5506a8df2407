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
import { baseOf, digestOf, readQuery } from '../read.ts';
import type { FailureReply, Headers, Read, Reply } from '../reply.ts';
import type { Call, Route } from '../route.ts';
import { sumsOf } from '../sums.ts';

const query = z.object({ format: z.literal('sha256sum', 'expected sha256sum').optional() });

const forNode = z.object({ node: z.string().optional() });

/** Content by its digest: it never changes, so it may be kept. */
export const viewArchiveRoute: Route = {
  method: 'GET',
  path: '/v1/views/:digest/archive',
  access: 'view',
  handle: (call) => answer(call, 'archive'),
};

export const viewManifestRoute: Route = {
  method: 'GET',
  path: '/v1/views/:digest/manifest',
  access: 'view',
  handle(call) {
    const asked = readQuery(call.request, query);
    if (!asked.ok) return asked.reply;
    return asked.value.format === undefined ? answer(call, 'manifest') : answerSums(call);
  },
};

const FOR_GOOD = { 'Cache-Control': 'private, max-age=86400, immutable' };

async function answer(call: Call, what: What): Promise<Reply> {
  const { door, request } = call;
  const wanted = wantedBy(call);
  if (!wanted.ok) return wanted.reply;
  const { digest, asker } = wanted.value;
  const from = baseOf(request);
  if (!from.ok) return from.reply;
  const refusal = stopped(door);
  if (refusal !== undefined) return refusal;
  if (!(await mayHave(door.context, asker, digest))) return unknownDigest(digest);
  const headers = { ...FOR_GOOD, ...contentHeaders(digest, what) };
  const base = await ownBase(door.context, asker, from.value);
  return contentUnlessStopped(door, { digest, what, headers, from: base, packed: acceptsGzip(request) });
}

interface AskedView {
  readonly digest: Digest;
  /** Whose view it is, where it is not everybody's. */
  readonly asker: Asker;
}

/** Who has shown a name need not say it. */
function wantedBy(call: Pick<Call, 'request' | 'caller'>): Read<AskedView> {
  const { request, caller } = call;
  const digest = digestOf(request);
  if (!digest.ok) return digest;
  const asked = readQuery(request, forNode);
  if (!asked.ok) return asked;
  const own = caller.kind === 'node' ? caller.hostnames[0] : undefined;
  const { node = own } = asked.value;
  if (node === undefined) return { ok: true, value: { digest: digest.value, asker: askerOf(call, undefined) } };
  const hostname = parseHostname(node);
  if (hostname === undefined) return { ok: false, reply: badHostname(node) };
  if (own !== undefined && !speaksFor(caller, hostname)) return { ok: false, reply: NOT_YOUR_OWN };
  return { ok: true, value: { digest: digest.value, asker: askerOf(call, hostname) } };
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
async function answerSums(call: Call, isAgain = false): Promise<Reply> {
  const { door, request } = call;
  const wanted = wantedBy(call);
  if (!wanted.ok) return wanted.reply;
  const { digest, asker } = wanted.value;
  const refusal = stopped(door);
  if (refusal !== undefined) return refusal;
  if (!(await mayHave(door.context, asker, digest))) return unknownDigest(digest);
  const manifest = await findContent(door, digest, 'manifest');
  if ('kind' in manifest) return manifest;
  const headers = sumHeaders(digest);
  if (namesEtag(request.headers['if-none-match'], headers.ETag))
    return { kind: 'prepared', status: 304, headers: Object.entries(headers).flat(), body: null };
  // From here on it may be removed.
  const opened = await open(manifest.path).catch(() => undefined);
  if (opened === undefined) return isAgain ? unknownDigest(digest) : answerSums(call, true);
  return { kind: 'stream', headers, pieces: sumsOf(opened.createReadStream({ encoding: 'utf8' })) };
}

function sumHeaders(digest: Digest): Headers & { readonly ETag: string } {
  return { ...FOR_GOOD, ETag: `"${digest}-sha256sum"`, 'Content-Type': 'text/plain; charset=utf-8' };
}
