import type { PageFile } from '../../ports/content.ts';
import { accepts } from '../codings.ts';
import { namesEtag } from '../etag.ts';
import { failure, type Headers, type Reply } from '../reply.ts';
import { type Call, route } from '../route.ts';

/** What the page may do: nothing but what comes from this server. It has no forms to send and stands in no frame. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The page. Nothing in it is secret: what it shows it asks for as whoever looks at it. */
export const pageRoute = route({
  method: 'GET',
  path: '/',
  access: 'anyone',
  description: {
    group: 'Server',
    summary: 'The page',
    headers: ['If-None-Match'],
    answers: {
      200: { content: { 'text/html': null }, headers: ['ETag', 'Content-Encoding?'] },
      304: { headers: ['ETag'] },
    },
    failures: ['not-found'],
  },
  async handle(call) {
    const files = await call.door.context.pageBuild.find();
    return files === undefined
      ? NO_PAGE
      : fileReply(call, files.index, { 'Cache-Control': 'no-cache', ...FOR_DOCUMENTS });
  },
});

/** What the page names, by a name that has a hash of the content in it. */
export const pageAssetRoute = route({
  method: 'GET',
  path: '/assets/:name',
  access: 'anyone',
  description: {
    group: 'Server',
    summary: 'A part of the page, by a name that has a hash of the content in it',
    headers: ['If-None-Match'],
    answers: {
      200: { content: { '*/*': null }, headers: ['ETag', 'Content-Encoding?'] },
      304: { headers: ['ETag'] },
    },
    failures: ['not-found'],
  },
  async handle(call, { path: { name } }) {
    const files = await call.door.context.pageBuild.find();
    if (files === undefined) return NO_PAGE;
    const asset = files.assets.get(name);
    return asset === undefined
      ? OTHER_PAGE
      : fileReply(call, asset, { 'Cache-Control': 'public, max-age=31536000, immutable' });
  },
});

const FOR_DOCUMENTS: Headers = {
  'Content-Security-Policy': POLICY,
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

const NO_PAGE = failure(
  'not-found',
  'this server has no page to give: there is no web/index.html beside it',
  'run the built server (npm run build, then dist/tagwave-server.js); the API is there all the same',
);
const OTHER_PAGE = failure('not-found', 'the page of this server has no such part', 'load the page again');

/** As small as the browser takes it. */
function fileReply({ request }: Call, file: PageFile, headers: Headers): Reply {
  const coding = accepts(request, 'br') ? 'br' : accepts(request, 'gzip') ? 'gzip' : null;
  const body = coding === null ? file.content : file[coding];
  const etag = coding === null ? `"${file.sha256}"` : `"${file.sha256};${coding}"`;
  const common = { ...COMMON, ...headers, ETag: etag };
  if (namesEtag(request.headers['if-none-match'], etag))
    return { kind: 'prepared', status: 304, headers: Object.entries(common).flat(), body: null };
  const all = {
    ...common,
    'Content-Type': file.type,
    'Content-Length': String(body.length),
    ...(coding === null ? {} : { 'Content-Encoding': coding }),
  };
  return { kind: 'prepared', status: 200, headers: Object.entries(all).flat(), body };
}

const COMMON: Headers = {
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Accept-Encoding',
};
