/** Every error that the HTTP API can answer, and its status. The only such table: the server writes by it, the client reads by it. */
export const STATUS_OF = {
  'bad-request': 400,
  'bad-hostname': 400,
  'bad-tag': 400,
  'bad-digest': 400,
  'bad-environment': 400,
  unauthenticated: 401,
  'tag-not-allowed': 403,
  'changes-off': 403,
  'reads-off': 403,
  'foreign-origin': 403,
  forbidden: 403,
  'not-your-own': 403,
  'not-approved': 403,
  'insecure-transport': 403,
  'enrolment-refused': 403,
  'not-found': 404,
  'unknown-tag': 404,
  'unknown-node': 404,
  'unknown-digest': 404,
  'method-not-allowed': 405,
  'request-timeout': 408,
  hold: 409,
  'broken-tag': 409,
  conflict: 409,
  'precondition-failed': 412,
  'body-too-large': 413,
  'unsupported-media-type': 415,
  'range-not-satisfiable': 416,
  killswitch: 423,
  'rate-limited': 429,
  'headers-too-large': 431,
  internal: 500,
  starting: 503,
  stopping: 503,
  'state-unavailable': 503,
} as const;

export type ErrorCode = keyof typeof STATUS_OF;

/** Why a node keeps what it has. */
export const HOLD_CODES = [
  'no-tag-old-enough',
  'no-newer-tag',
  'no-acceptable-tag',
  'unknown-tag',
  'broken-tag',
  'marked-bad',
  'bad-pin',
  'nodetagger-failed',
  'nodegrouper-failed',
  'no-trunk',
] as const;

export type HoldCode = (typeof HOLD_CODES)[number];

/** RFC 9457 `application/problem+json`. `title` is the sentence, `hint` what to do next, `instance` the request id in the log. */
export interface ProblemDetails {
  readonly type: 'about:blank';
  readonly title: string;
  readonly status: number;
  readonly code: ErrorCode;
  readonly hint?: string;
  readonly instance?: string;
  /** With `hold`: which one. */
  readonly hold?: HoldCode;
  /** With `hold`, `killswitch` and `tag-not-allowed`: what to tell the operator, and the steps taken. */
  readonly message?: string;
  readonly reasons?: readonly string[];
}
