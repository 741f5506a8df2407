import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import * as z from 'zod';
import { plainJson } from '../../core/plain-json.ts';
import { LICENSE, SUMMARY, VERSION } from '../../version.ts';
import { acceptsGzip } from '../content.ts';
import { namesEtag } from '../etag.ts';
import { openapiDocument } from '../openapi/document.ts';
import type { Headers } from '../reply.ts';
import { type Route, route } from '../route.ts';

interface Written {
  readonly etag: string;
  readonly plain: Buffer;
  readonly gzip: Buffer;
}

/**
 * What all routes say of themselves. Whoever reaches the server may have it: it is the same for all servers of a version, it
 * tells what the sources tell, and programs want it before they have a token.
 */
export function openapiRoute(routes: () => readonly Route[]): Route {
  // Made when somebody asks, and once.
  let made: Written | undefined;
  return route({
    method: 'GET',
    path: '/openapi.json',
    access: 'anyone',
    description: {
      group: 'Server',
      summary: 'This description',
      headers: ['If-None-Match'],
      answers: {
        200: {
          content: { 'application/json': z.looseObject({ openapi: z.string() }) },
          headers: ['ETag', 'Content-Encoding?'],
        },
        304: { headers: ['ETag', 'Content-Encoding?'] },
      },
    },
    handle({ request }) {
      made ??= write(routes());
      const isPacked = acceptsGzip(request);
      const headers = headersOf(made, isPacked);
      if (namesEtag(request.headers['if-none-match'], headers.ETag))
        return { kind: 'prepared', status: 304, headers: flat(headers), body: null };
      const body = isPacked ? made.gzip : made.plain;
      const length = { 'Content-Length': String(body.length) };
      return { kind: 'prepared', status: 200, headers: flat({ ...headers, ...length }), body };
    },
  });
}

function write(routes: readonly Route[]): Written {
  const about = { version: VERSION, summary: SUMMARY, license: LICENSE };
  const plain = Buffer.from(`${plainJson(openapiDocument(routes, about))}\n`);
  const etag = createHash('sha256').update(plain).digest('hex').slice(0, 32);
  return { etag, plain, gzip: gzipSync(plain) };
}

function headersOf({ etag }: Written, isPacked: boolean): Headers & { readonly ETag: string } {
  return {
    ETag: isPacked ? `"${etag};gzip"` : `"${etag}"`,
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-cache',
    Vary: 'Accept-Encoding',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(isPacked ? { 'Content-Encoding': 'gzip' } : {}),
  };
}

function flat(headers: Headers): string[] {
  return Object.entries(headers).flat();
}
