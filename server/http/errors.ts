import type { Log } from '../ports/common.ts';
import { unavailable } from './failures.ts';
import { type FailureReply, failure } from './reply.ts';

/** How the libraries name what a client did wrong. */
const BY_TYPE: Readonly<Record<string, FailureReply>> = {
  'entity.parse.failed': failure('bad-request', 'the body is not JSON', 'send one JSON object'),
  'entity.too.large': failure('body-too-large', 'the body is too large (http.body_limit_kib)', 'send less'),
  'request.size.invalid': failure('bad-request', 'the body is not as long as its Content-Length says'),
  'encoding.unsupported': failure('unsupported-media-type', 'the body is compressed', 'send it as it is'),
  'charset.unsupported': failure('unsupported-media-type', 'the body is not UTF-8', 'send it in UTF-8'),
};

const BY_STATUS: Readonly<Record<number, FailureReply>> = {
  400: failure('bad-request', 'the request cannot be understood', 'check the percent-encoding of the path'),
  404: failure('unknown-digest', 'the content has just been removed', 'ask for the assignment again'),
  412: failure('precondition-failed', 'the content is not what the request made its condition'),
  416: failure(
    'range-not-satisfiable',
    'the content is shorter than the range that was asked for',
    'ask for the whole',
  ),
};

/** The answer to an error that was thrown. What nobody expected is logged with the request's id and stays there. */
export function answerTo(error: unknown, { log, id }: { readonly log: Log; readonly id: string }): FailureReply {
  const { type, status, headers } = about(error);
  const known =
    (type === undefined ? undefined : BY_TYPE[type]) ?? (status === undefined ? undefined : BY_STATUS[status]);
  if (known !== undefined) {
    const range = headers?.['Content-Range'];
    return typeof range === 'string' ? { ...known, headers: { 'Content-Range': range } } : known;
  }
  log.error('a request failed', { id, error });
  if (error instanceof Error && error.name === 'StoreError') return storeFailed();
  return failure('internal', 'something went wrong here', `the server's log has the reason at the id ${id}`);
}

/** Decisions do not need the store; what is recorded and queried does. */
export function storeFailed(): FailureReply {
  return unavailable({
    sentence: 'the history cannot be read or written now',
    hint: "GET /v1/status and the server's log name the reason; hosts are served all the same",
  });
}

function about(error: unknown): { type?: string; status?: number; headers?: Record<string, unknown> } {
  if (typeof error !== 'object' || error === null) return {};
  const type: unknown = Reflect.get(error, 'type');
  const status: unknown = Reflect.get(error, 'status');
  const headers: unknown = Reflect.get(error, 'headers');
  return {
    ...(typeof type === 'string' ? { type } : {}),
    ...(typeof status === 'number' ? { status } : {}),
    ...(typeof headers === 'object' && headers !== null ? { headers: { ...headers } } : {}),
  };
}
