import { type Assignment, HEADERS } from '../../protocol/assignment.ts';
import { plainJson } from '../core/plain-json.ts';
import type { Answer } from '../operations/assign.ts';
import type { Told } from '../ports.ts';
import { namesEtag } from './etag.ts';
import { starting, unavailable } from './failures.ts';
import type { FailureReply, Headers, PreparedReply } from './reply.ts';

export type ServeAnswer = Extract<Answer, { kind: 'serve' }>;
export type OtherAnswer = Exclude<Answer, { kind: 'serve' }>;

export interface Telling {
  readonly pollAfterSeconds: number;
  readonly ifNoneMatch: string | undefined;
  /** `tags/NAME` instead of the assignment. */
  readonly asText: boolean;
}

/** What a host is told that has something to serve: 200, or 304 where it knows. */
export function tellServe(answer: ServeAnswer, telling: Telling): PreparedReply {
  const prepared = telling.asText
    ? prepareText(answer, telling.pollAfterSeconds)
    : prepareJson(answer, telling.pollAfterSeconds);
  if (namesEtag(telling.ifNoneMatch, prepared.etag)) return prepared.unchanged;
  return prepared.whole;
}

/** Whether a host that names this entity tag knows an answer. A hold and a killswitch are told again all the same. */
export function isKnown(answer: Answer, ifNoneMatch: string, asText: boolean): boolean {
  if (!('etag' in answer)) return false;
  return namesEtag(ifNoneMatch, asText && answer.kind === 'serve' ? textEtag(answer) : answer.etag);
}

/** What every answer to a node about its view says in its headers. */
export function serveHeaders({ choice, view, told }: ServeAnswer, pollAfterSeconds: number): Headers {
  return {
    ...NODE_HEADERS,
    [HEADERS.report]: reportsOf(told),
    [HEADERS.outcome]: 'serve',
    [HEADERS.pollAfter]: String(pollAfterSeconds),
    [HEADERS.tag]: choice.tag,
    [HEADERS.digest]: view.digest,
  };
}

/** Why a host gets nothing: 409, 423, the refusal of the tag that it asked for, or 503. */
export function tellOther(answer: OtherAnswer, pollAfterSeconds: number): FailureReply {
  if (answer.kind === 'not-ready') return starting(answer);
  if (answer.kind === 'unavailable') return unavailable(answer);
  const waits = { [HEADERS.pollAfter]: String(pollAfterSeconds), 'Retry-After': String(pollAfterSeconds) };
  const headers = { ...NODE_HEADERS, [HEADERS.outcome]: answer.kind, ...waits };
  if (answer.kind === 'refused') {
    const { code, message, reasons } = answer.choice;
    return { kind: 'failure', code, title: message, message, reasons, headers };
  }
  const { hostname, hold, message, reasons } = answer.told;
  const said = {
    kind: 'failure',
    message: message ?? '',
    reasons,
    headers: { ...headers, ETag: answer.etag, [HEADERS.report]: reportsOf(answer.told) },
  } as const;
  if (answer.kind === 'killswitch')
    return { ...said, code: 'killswitch', title: `the killswitch is on: ${hostname} keeps what it has` };
  return { ...said, code: 'hold', title: `${hostname} keeps what it has: ${hold}`, ...(hold === null ? {} : { hold }) };
}

function reportsOf({ hostname }: Told): string {
  return `/v1/nodes/${hostname}/reports`;
}

const NODE_HEADERS: Headers = { 'Cache-Control': 'private, no-cache', Vary: 'Accept' };

interface Prepared {
  readonly etag: string;
  readonly whole: PreparedReply;
  readonly unchanged: PreparedReply;
}

interface PreparedJson extends Prepared {
  /** What the body says beyond what the entity tag covers. */
  readonly hours: number;
  readonly commit: string;
  readonly pollAfterSeconds: number;
  readonly isCommon: boolean;
}

/** The same answer is told to a host for an hour: it is put into words once. */
const preparedJson = new WeakMap<Told, PreparedJson>();

function prepareJson(answer: ServeAnswer, pollAfterSeconds: number): Prepared {
  const { told, commit, placed, etag, isCommon } = answer;
  const hours = placed.wave?.hours ?? 0;
  const known = preparedJson.get(told);
  const isSame = known?.pollAfterSeconds === pollAfterSeconds && known.isCommon === isCommon;
  if (isSame && known.commit === commit && known.hours === hours) return known;
  const body = plainJson(assignmentOf(answer, { hours, pollAfterSeconds }));
  const prepared = {
    hours,
    commit,
    pollAfterSeconds,
    isCommon,
    ...prepare(answer, { etag, pollAfterSeconds, body, type: 'application/json; charset=utf-8' }),
  };
  preparedJson.set(told, prepared);
  return prepared;
}

function prepareText(answer: ServeAnswer, pollAfterSeconds: number): Prepared {
  const { tag } = answer.choice;
  const body = tag === 'trunk' ? tag : `tags/${tag}`;
  return prepare(answer, { etag: textEtag(answer), pollAfterSeconds, body, type: 'text/plain; charset=utf-8' });
}

/** Other bytes need another entity tag. */
function textEtag({ etag }: ServeAnswer): string {
  return `${etag.slice(0, -1)}-text"`;
}

interface Wording {
  readonly etag: string;
  readonly pollAfterSeconds: number;
  readonly body: string;
  readonly type: string;
}

function prepare(answer: ServeAnswer, { etag, pollAfterSeconds, body, type }: Wording): Prepared {
  const bytes = Buffer.from(`${body}\n`);
  const headers = Object.entries({
    ETag: etag,
    ...serveHeaders(answer, pollAfterSeconds),
    'X-Content-Type-Options': 'nosniff',
  }).flat();
  const content = ['Content-Type', type, 'Content-Length', String(bytes.length)];
  return {
    etag,
    whole: { kind: 'prepared', status: 200, headers: [...headers, ...content], body: bytes },
    unchanged: { kind: 'prepared', status: 304, headers, body: null },
  };
}

function assignmentOf(
  answer: ServeAnswer,
  { hours, pollAfterSeconds }: { hours: number; pollAfterSeconds: number },
): Assignment {
  const { told, choice, commit, view, isCommon } = answer;
  const at = `/v1/views/${view.digest}`;
  const asked = isCommon ? '' : `?node=${told.hostname}`;
  return {
    hostname: told.hostname,
    environment: told.environment,
    wave: told.wave,
    hours,
    groups: [...told.groups],
    outcome: 'serve',
    tag: choice.tag,
    commit: commit as Assignment['commit'],
    digest: view.digest,
    files: view.files,
    bytes: view.bytes,
    reasons: [...told.reasons],
    decidedAt: new Date(told.at).toISOString(),
    pollAfterSeconds,
    links: { archive: `${at}/archive${asked}`, manifest: `${at}/manifest${asked}` },
  };
}
