import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { CustomFetch } from 'openid-client';
import { isKeptPrivate } from '../settings/public-url.ts';

/** Many times what any answer of a provider has. */
const LIMIT_BYTES = 1024 * 1024;

/** That nothing was heard of the provider, or nothing whole. `cause` says why. */
export const UNREACHABLE = 'UnreachableError';

/**
 * As `fetch`, with an answer of bounded size, a CA of one's own (PEM; undefined = those whom Node trusts), and nothing sent on
 * ways on which others could read it, whatever addresses a provider names.
 */
export function fetchTrusting(ca: string | undefined): CustomFetch {
  return async (url, { method, headers, body, signal }) => {
    try {
      if (!isKeptPrivate(url)) throw new Error(`${new URL(url).origin} is no https URL`);
      return await answerOf(url, { method, headers, ...(signal && { signal }), ...(ca && { ca }) }, textOf(body));
    } catch (error) {
      const unreachable = new Error(error instanceof Error ? error.message : String(error), { cause: error });
      unreachable.name = UNREACHABLE;
      throw unreachable;
    }
  };
}

interface Sending {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly signal?: AbortSignal;
  readonly ca?: string;
}

function answerOf(url: string, sending: Sending, body: string | undefined): Promise<Response> {
  const send = new URL(url).protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = send(url, { ...sending, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      let length = 0;
      response.on('error', reject);
      response.on('data', (piece: Buffer) => {
        length += piece.length;
        if (length > LIMIT_BYTES) request.destroy(new Error(`it answered with more than ${LIMIT_BYTES} bytes`));
        else pieces.push(piece);
      });
      response.on('end', () => {
        const { statusCode: status = 500, headers } = response;
        const type = headers['content-type'];
        const challenge = headers['www-authenticate'];
        resolve(
          new Response(status === 204 || status === 304 ? null : Buffer.concat(pieces), {
            status,
            headers: { ...(type && { 'Content-Type': type }), ...(challenge && { 'WWW-Authenticate': challenge }) },
          }),
        );
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** What the library sends are forms. */
function textOf(body: unknown): string | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof URLSearchParams) return body.toString();
  throw new Error('only text is sent to a provider');
}
