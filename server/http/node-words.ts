import { randomBytes } from 'node:crypto';
import { type Assignment, HEADERS } from '../../protocol/assignment.ts';
import { type ProblemDetails, STATUS_OF } from '../../protocol/errors.ts';
import type { Hostname } from '../../protocol/names.ts';
import { plainJson } from '../core/plain-json.ts';
import type { ServeAnswer, StandingAnswer } from '../operations/assign.ts';
import type { Told } from '../ports/store.ts';
import { COMMON_HEADERS, type Headers, type PreparedReply } from './reply.ts';

/**
 * An answer as it goes over the wire, for all the nodes that it stands for. Who asks, and the number of the request, are the
 * only things in it that differ.
 */
export interface Words {
  readonly etag: string;
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: Template;
  /** The headers of a 304; null where the node is told again all the same. */
  readonly unchanged: readonly string[] | null;
}

/** Text that the host's name and the request's number are put into. */
type Template = readonly (string | typeof HOST | typeof ID)[];

// Nothing that somebody commits, or writes into a file, can be taken for one of these.
const SECRET = randomBytes(12).toString('hex');
const HOST: unique symbol = Symbol('host');
const ID: unique symbol = Symbol('id');
const MARKS = { [HOST]: `host-${SECRET}`, [ID]: `id-${SECRET}` } as const;
const IN_TEXT = new RegExp(`(${MARKS[HOST]}|${MARKS[ID]})`);

/** `Words` as another process gets them: 0 and 1 stand for what is put in. */
export interface PackedWords extends Omit<Words, 'body'> {
  readonly body: readonly (string | 0 | 1)[];
}

export function packed({ body, ...rest }: Words): PackedWords {
  return { ...rest, body: body.map((part) => (part === HOST ? 0 : part === ID ? 1 : part)) };
}

export function unpacked({ body, ...rest }: PackedWords): Words {
  return { ...rest, body: body.map((part) => (part === 0 ? HOST : part === 1 ? ID : part)) };
}

interface Known {
  readonly words: Words;
  readonly answer: StandingAnswer;
  readonly pollAfterSeconds: number;
}

/** Of answers that stand for many there are fewer; where each node has its own, all of their words would fill the memory. */
const MOST_WORDED = 5_000;
const worded = new Map<Told, Known>();

/** The words of an answer, which is put into them once. */
export function wordsOf(answer: StandingAnswer, pollAfterSeconds: number): Words {
  const known = worded.get(answer.told);
  if (known?.pollAfterSeconds === pollAfterSeconds && saysTheSame(known.answer, answer)) return known.words;
  const words = answer.kind === 'serve' ? serveWords(answer, pollAfterSeconds) : stopWords(answer, pollAfterSeconds);
  if (worded.size >= MOST_WORDED) worded.clear();
  worded.set(answer.told, { words, answer, pollAfterSeconds });
  return words;
}

/** Of two answers with the same `told`: whether they are the same in what the entity tag does not cover. */
function saysTheSame(a: StandingAnswer, b: StandingAnswer): boolean {
  if (a === b || a.kind !== 'serve' || b.kind !== 'serve') return true;
  return a.commit === b.commit && a.hours === b.hours && a.isCommon === b.isCommon;
}

/** `tags/NAME` instead of the assignment. Other bytes need another entity tag. */
export function textWords(answer: ServeAnswer, pollAfterSeconds: number): Words {
  const etag = textEtag(answer);
  const headers = Object.entries({ ETag: etag, ...serveHeaders(answer, pollAfterSeconds) }).flat();
  const body = answer.tag === 'trunk' ? answer.tag : `tags/${answer.tag}`;
  return {
    etag,
    status: 200,
    headers: [...headers, ...NOSNIFF, 'Content-Type', 'text/plain; charset=utf-8'],
    body: [`${body}\n`],
    unchanged: headers,
  };
}

export function textEtag({ etag }: ServeAnswer): string {
  return `${etag.slice(0, -1)}-text"`;
}

/** All of it, to a host that asks. `id`: the number of its request. */
export function spoken({ status, headers, body }: Words, hostname: Hostname, id: string): PreparedReply {
  const text = filled(body, hostname, id);
  const own = [HEADERS.report, reportsOf(hostname), 'Content-Length', String(Buffer.byteLength(text))];
  return { kind: 'prepared', status, headers: headers.concat(own), body: text };
}

/** The headers of a 304, to a host that has it all. */
export function unchangedHeaders(unchanged: readonly string[], hostname: Hostname): string[] {
  return [...unchanged, HEADERS.report, reportsOf(hostname)];
}

/** The path that takes a node's reports. */
export function reportsOf(hostname: Hostname): string {
  return `/v1/nodes/${hostname}/reports`;
}

/** What every answer to a node about its view says in its headers. */
export function serveHeaders({ tag, view }: ServeAnswer, pollAfterSeconds: number): Headers {
  return {
    ...NODE_HEADERS,
    [HEADERS.outcome]: 'serve',
    [HEADERS.pollAfter]: String(pollAfterSeconds),
    [HEADERS.tag]: tag,
    [HEADERS.digest]: view.digest,
  };
}

/** What every answer to a node says in its headers that it gets nothing by. */
export function stopHeaders(outcome: string, pollAfterSeconds: number): Headers {
  const waits = { [HEADERS.pollAfter]: String(pollAfterSeconds), 'Retry-After': String(pollAfterSeconds) };
  return { ...NODE_HEADERS, [HEADERS.outcome]: outcome, ...waits };
}

const NODE_HEADERS: Headers = { 'Cache-Control': 'private, no-cache', Vary: 'Accept' };
const NOSNIFF = ['X-Content-Type-Options', 'nosniff'];

function serveWords(answer: ServeAnswer, pollAfterSeconds: number): Words {
  const { etag } = answer;
  const headers = Object.entries({ ETag: etag, ...serveHeaders(answer, pollAfterSeconds) }).flat();
  return {
    etag,
    status: 200,
    headers: [...headers, ...NOSNIFF, 'Content-Type', 'application/json; charset=utf-8'],
    body: template(`${plainJson(assignmentOf(answer, pollAfterSeconds))}\n`),
    unchanged: headers,
  };
}

function assignmentOf({ told, tag, commit, hours, view, isCommon }: ServeAnswer, pollAfterSeconds: number) {
  const at = `/v1/views/${view.digest}`;
  const asked = isCommon ? '' : `?node=${MARKS[HOST]}`;
  return {
    hostname: MARKS[HOST] as Hostname,
    environment: told.environment,
    wave: told.wave,
    hours,
    groups: [...told.groups],
    outcome: 'serve',
    tag,
    commit,
    digest: view.digest,
    files: view.files,
    bytes: view.bytes,
    reasons: [...told.reasons],
    decidedAt: new Date(told.at).toISOString(),
    pollAfterSeconds,
    links: { archive: `${at}/archive${asked}`, manifest: `${at}/manifest${asked}` },
  } satisfies Assignment;
}

/** Why a node keeps what it has. */
function stopWords({ kind, told, etag }: Exclude<StandingAnswer, ServeAnswer>, pollAfterSeconds: number): Words {
  const { hold, message, reasons } = told;
  const status = STATUS_OF[kind];
  const why =
    kind === 'killswitch'
      ? `the killswitch is on: ${MARKS[HOST]} keeps what it has`
      : `${MARKS[HOST]} keeps what it has: ${hold}`;
  const problem: ProblemDetails = {
    type: 'about:blank',
    title: why,
    status,
    code: kind,
    instance: MARKS[ID],
    ...(hold === null ? {} : { hold }),
    message: message ?? '',
    reasons,
  };
  const headers = { ...COMMON_HEADERS, ...stopHeaders(kind, pollAfterSeconds), ETag: etag };
  return {
    etag,
    status,
    headers: [...Object.entries(headers).flat(), 'Content-Type', 'application/problem+json'],
    body: template(`${plainJson(problem)}\n`),
    unchanged: null,
  };
}

function template(text: string): Template {
  return text.split(IN_TEXT).map((part) => (part === MARKS[HOST] ? HOST : part === MARKS[ID] ? ID : part));
}

function filled(template: Template, hostname: Hostname, id: string): string {
  let text = '';
  for (const part of template) text += part === HOST ? hostname : part === ID ? id : part;
  return text;
}
