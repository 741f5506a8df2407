import * as z from 'zod';
import { clientReleaseSchema } from '../../../protocol/release.ts';
import type { ClientFiles } from '../../ports/content.ts';
import type { Door } from '../door.ts';
import { namesEtag } from '../etag.ts';
import { shellWord, urlOfHost } from '../public-url.ts';
import { type FailureReply, failure, type Headers, type Reply } from '../reply.ts';
import { asJson, route } from '../route.ts';

/** Installs the client on the host that runs it, with this server's own URL in it. */
export const installScriptRoute = route({
  method: 'GET',
  path: '/install.sh',
  access: 'anyone',
  description: {
    group: 'Server',
    summary: 'The script that installs the client on the host that runs it',
    answers: { 200: { content: { 'text/x-shellscript': null } } },
    failures: ['not-found', 'bad-request'],
  },
  async handle({ door, request, peer }) {
    const files = await clientFiles(door);
    if ('kind' in files) return files;
    const url = door.settings().http.publicUrl ?? urlOfHost(request.headers, peer);
    if (url === undefined) return NO_URL;
    const body = Buffer.from(files.installer.replace(PLACE, () => `server=${shellWord(url.replace(/\/+$/, ''))}\n`));
    return whole(body, { 'Content-Type': 'text/x-shellscript; charset=utf-8', 'Cache-Control': 'no-store' });
  },
});

/** Which client this server has to give. */
export const clientReleaseRoute = route({
  method: 'GET',
  path: '/client/release.json',
  access: 'anyone',
  description: {
    group: 'Server',
    summary: 'Which client this server has to give',
    answers: { 200: { ...asJson(clientReleaseSchema) } },
    failures: ['not-found'],
  },
  async handle({ door }) {
    const files = await clientFiles(door);
    if ('kind' in files) return files;
    return { kind: 'json', status: 200, body: files.release, headers: { 'Cache-Control': 'no-cache' } };
  },
});

const query = z.object({
  sha256: z.string().meta({ description: 'Of the build that is wanted: that never changes.' }).optional(),
});

/** The client itself. Asked for by its hash it never changes. */
export const clientBuildRoute = route({
  method: 'GET',
  path: '/client/tagwave.cjs',
  access: 'anyone',
  description: {
    group: 'Server',
    summary: 'The client, one file',
    query,
    headers: ['If-None-Match'],
    answers: {
      200: { content: { 'text/javascript': null }, headers: ['ETag', 'Repr-Digest'] },
      304: { headers: ['ETag'] },
    },
    failures: ['not-found'],
  },
  async handle({ door, request }, { query: { sha256: wanted } }): Promise<Reply> {
    const files = await clientFiles(door);
    if ('kind' in files) return files;
    const { sha256 } = files.release;
    if (wanted !== undefined && wanted !== sha256) return OTHER_BUILD;
    const headers = {
      ETag: `"${sha256}"`,
      'Content-Type': 'text/javascript; charset=utf-8',
      'Cache-Control': wanted === undefined ? 'no-cache' : 'public, max-age=31536000, immutable',
    };
    if (namesEtag(request.headers['if-none-match'], headers.ETag))
      return { kind: 'prepared', status: 304, headers: flat(headers), body: null };
    const digest = `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`;
    return whole(files.content, { ...headers, 'Repr-Digest': digest });
  },
});

/** The line of the script that names the server. */
const PLACE = /^server=.*\n/m;

const NO_BUILD = failure(
  'not-found',
  'this server has no client to give: there is no tagwave.cjs and install.sh beside it',
  'run the built server (npm run build, then dist/tagwave-server.js), or copy dist/tagwave.cjs to the host',
);
const NO_URL = failure(
  'bad-request',
  'it is not clear under which URL hosts reach this server: the Host header names none',
  'write http: {public_url: "https://tagwave.example.com"} in server.yml',
);
const OTHER_BUILD = failure(
  'not-found',
  'this server has another build of the client',
  'ask /client/release.json again: it names the build that there is',
);

async function clientFiles({ context }: Door): Promise<ClientFiles | FailureReply> {
  return (await context.clientBuild.find()) ?? NO_BUILD;
}

function whole(body: Buffer, headers: Headers): Reply {
  return { kind: 'prepared', status: 200, headers: [...flat(headers), 'Content-Length', String(body.length)], body };
}

function flat(headers: Headers): string[] {
  return Object.entries({ ...headers, 'X-Content-Type-Options': 'nosniff' }).flat();
}
