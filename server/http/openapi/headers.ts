import { HEADERS } from '../../../protocol/headers.ts';

interface Header {
  readonly description: string;
  /** JSON Schema of its value. */
  readonly schema: Readonly<Record<string, unknown>>;
  readonly example?: string;
}

const DIGEST = { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' } as const;
const SECONDS = { type: 'integer', minimum: 0 } as const;

/** The headers of requests that mean something here, besides those that say who asks. */
export const REQUEST_HEADERS = {
  [HEADERS.running]: {
    description: 'The digest of what the host runs now, which is how the server knows without a report.',
    schema: DIGEST,
  },
  'If-None-Match': {
    description: 'The entity tag of the answer that is known: 304 where it is still that.',
    schema: { type: 'string' },
  },
  'If-Match': {
    description: 'The version of the killswitch that was seen, in quotes; or `?version=`.',
    schema: { type: 'string' },
  },
  Range: {
    description: 'A part of the content, to go on with a download.',
    schema: { type: 'string' },
    example: 'bytes=100-',
  },
  'Last-Event-ID': {
    description: 'The id of the last event that was seen: none is missed.',
    schema: { type: 'string' },
  },
} as const satisfies Readonly<Record<string, Header>>;
export type RequestHeader = keyof typeof REQUEST_HEADERS;

/** The headers of answers that mean something, besides those that HTTP itself needs. */
export const ANSWER_HEADERS = {
  [HEADERS.outcome]: {
    description: 'What the answer comes to. `refused`: the tag that was asked for is not given.',
    schema: { type: 'string', enum: ['serve', 'hold', 'killswitch', 'refused'] },
  },
  [HEADERS.pollAfter]: { description: 'Seconds after which to ask again.', schema: SECONDS },
  [HEADERS.tag]: {
    description: 'The tag that is served, or `trunk`.',
    schema: { type: 'string', pattern: '^(etchautotag-[0-9]{8}-[0-9]{2}00|trunk)$' },
  },
  [HEADERS.digest]: { description: 'The digest of the view that is served.', schema: DIGEST },
  [HEADERS.report]: {
    description: "The path below the server's URL that takes reports of this node.",
    schema: { type: 'string', pattern: '^/' },
  },
  ETag: { description: 'Names this answer: send it as `If-None-Match`.', schema: { type: 'string' } },
  'Cache-Control': { description: 'How long it may be kept.', schema: { type: 'string' } },
  'Repr-Digest': {
    description: 'SHA-256 of the whole content (RFC 9530), also where only a part is sent.',
    schema: { type: 'string', pattern: '^sha-256=:[A-Za-z0-9+/]{43}=:$' },
  },
  'Content-Encoding': {
    description: 'How it is compressed, where that was accepted.',
    schema: { type: 'string', enum: ['gzip', 'br'] },
  },
  'Content-Range': { description: 'Which part it is.', schema: { type: 'string' } },
  'Accept-Ranges': { description: 'A part may be asked for.', schema: { type: 'string', enum: ['bytes'] } },
  Location: { description: 'Where to go on.', schema: { type: 'string' } },
  Link: { description: 'Where to log in (`rel="login"`), where that is possible.', schema: { type: 'string' } },
  'Set-Cookie': {
    description: 'The session, or what a browser keeps while somebody logs in.',
    schema: { type: 'string' },
  },
  'Retry-After': { description: 'Seconds after which asking again makes sense.', schema: SECONDS },
  'WWW-Authenticate': { description: 'How to say who asks.', schema: { type: 'string' } },
  Allow: { description: 'The methods of this path.', schema: { type: 'string' } },
  'X-Request-Id': { description: "The answer's number in the server's log.", schema: { type: 'string' } },
} as const satisfies Readonly<Record<string, Header>>;
export type AnswerHeader = keyof typeof ANSWER_HEADERS;

/** What every answer says by which a node gets something. */
export const SERVE_HEADERS = [
  'ETag',
  HEADERS.outcome,
  HEADERS.pollAfter,
  HEADERS.tag,
  HEADERS.digest,
  HEADERS.report,
] as const;
/** … by which it keeps what it has. */
export const STOP_HEADERS = ['ETag?', HEADERS.outcome, HEADERS.pollAfter, HEADERS.report, 'Retry-After'] as const;
