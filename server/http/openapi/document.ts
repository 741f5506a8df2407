import type * as z from 'zod';
import { problemDetailsSchema } from '../../../protocol/api/problem.ts';
import type { ErrorCode } from '../../../protocol/errors.ts';
import { namesIn, PARAMETERS } from '../parameters.ts';
import { type Answer, type Description, GROUPS, type NamedHeader, type Route } from '../route.ts';
import { failuresOf } from './failures.ts';
import { ANSWER_HEADERS, type AnswerHeader, REQUEST_HEADERS } from './headers.ts';
import { type JsonSchema, openSchemaBook, type SchemaBook } from './schemas.ts';
import { SECURITY, SECURITY_SCHEMES, WHO } from './security.ts';

export interface About {
  readonly version: string;
  readonly summary: string;
  /** An SPDX identifier. */
  readonly license: string;
}

type Json = Record<string, unknown>;

const INTRODUCTION = [
  'Times are RFC 3339, UTC, unless it says otherwise. A reader has to ignore what it does not know.',
  'Failures are `application/problem+json` (RFC 9457) with a `code` of a closed list; `hint` says what to do next.',
  'Every path that answers GET answers HEAD, too.',
  'Changes need `Content-Type: application/json`, also where there is no body to speak of, and no foreign `Origin`.',
].join('\n\n');

/** The routes as an OpenAPI 3.1 document. Throws where one is not described as it should be. */
export function openapiDocument(routes: readonly Route[], { version, summary, license }: About): Json {
  const book = openSchemaBook();
  book.of(problemDetailsSchema);
  const paths: Record<string, Json> = {};
  for (const route of routes) {
    const path = templateOf(route.path);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, book) };
  }
  return {
    openapi: '3.1.1',
    info: {
      title: 'Tagwave',
      summary,
      description: INTRODUCTION,
      version,
      license: { name: license, identifier: license },
    },
    servers: [{ url: './', description: 'This one.' }],
    tags: Object.entries(GROUPS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: book.named(), securitySchemes: SECURITY_SCHEMES },
  };
}

/** `/v1/nodes/:hostname` as `/v1/nodes/{hostname}`. */
export function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

function operationOf(route: Route, book: SchemaBook): Json {
  const { method, path, access, description } = route;
  const { group, summary, details, body } = description;
  return {
    operationId: operationIdOf(method, path),
    tags: [group],
    summary,
    description: [details, WHO[access]].filter((text) => text !== undefined).join('\n\n'),
    parameters: [...pathParameters(path), ...queryParameters(description, book), ...headerParameters(description)],
    ...(body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: book.of(body) } } } }),
    responses: responsesOf(route, book),
    security: SECURITY[access],
  };
}

/** `getNodesHostnameExplain`. */
function operationIdOf(method: string, path: string): string {
  const words = path.split(/[^A-Za-z0-9]+/).filter((word) => word !== '' && word !== 'v1');
  const named = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
  return method.toLowerCase() + (named === '' ? 'Page' : named);
}

function pathParameters(path: string): Json[] {
  return namesIn(path).map((name) => {
    const { description, example, ...rest } = PARAMETERS[name];
    const schema = { type: 'string', ...('pattern' in rest ? { pattern: rest.pattern } : {}) };
    return { name, in: 'path', required: true, description, schema, example };
  });
}

function queryParameters({ query }: Description, book: SchemaBook): Json[] {
  if (query === undefined) return [];
  const { properties = {}, required = [] } = book.of(query) as {
    readonly properties?: Readonly<Record<string, JsonSchema>>;
    readonly required?: readonly string[];
  };
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    name,
    in: 'query',
    ...(required.includes(name) ? { required: true } : {}),
    ...(description === undefined ? {} : { description }),
    schema,
  }));
}

function headerParameters({ headers = [] }: Description): Json[] {
  return headers.map((name) => ({ name, in: 'header', ...REQUEST_HEADERS[name] }));
}

/** Besides what is answered, and what may be wrong: what may befall any request. */
function responsesOf(route: Route, book: SchemaBook): Record<string, Json> {
  const { answers, failureHeaders = [], hasPages } = route.description;
  const good = Object.entries(answers).map(([status, answer]) => [status, goodResponse(Number(status), answer, book)]);
  const bad = [...failuresOf(route)].map(([status, codes]) => [
    status,
    badResponse(codes, { headers: [...headersOfStatus(status), ...failureHeaders], hasPages }),
  ]);
  const rest = {
    ...badResponse(null, { headers: ['Retry-After'], hasPages }),
    description: 'Whatever may befall any request.',
  };
  return { ...Object.fromEntries(good), ...Object.fromEntries(bad), default: rest };
}

const MEANS: Readonly<Record<number, string>> = {
  200: 'What was asked for.',
  201: 'It was made.',
  202: 'It will be done.',
  206: 'The part that was asked for.',
  302: 'Go on there.',
  304: 'It is still what you have.',
};

function goodResponse(status: number, answer: Description['answers'][number], book: SchemaBook): Json {
  const { means = MEANS[status] ?? '', content = {}, headers = [] } = asAnswer(answer);
  const described = Object.entries(content).map(([type, schema]) => [type, mediaType(type, schema, book)]);
  return {
    description: means,
    headers: headersNamed(headers, true),
    ...(described.length === 0 ? {} : { content: Object.fromEntries(described) }),
  };
}

function asAnswer(answer: Description['answers'][number]): Answer {
  if (typeof answer === 'string') return { content: { [answer]: null } };
  return '_zod' in answer ? { content: { 'application/json': answer } } : answer;
}

function mediaType(type: string, schema: z.core.$ZodType | null, book: SchemaBook): Json {
  if (schema !== null) return { schema: book.of(schema) };
  return type.startsWith('text/') ? { schema: { type: 'string' } } : {};
}

interface BadOptions {
  readonly headers: readonly NamedHeader[];
  readonly hasPages: true | undefined;
}

/** `codes` null: any. */
function badResponse(codes: readonly ErrorCode[] | null, { headers, hasPages }: BadOptions): Json {
  const these = codes === null ? {} : { properties: { code: { enum: codes } } };
  const schema = { $ref: '#/components/schemas/ProblemDetails', ...these };
  return {
    description: (codes ?? []).map((code) => `\`${code}\``).join(', '),
    headers: headersNamed(headers, false),
    content: {
      'application/problem+json': { schema },
      ...(hasPages === undefined ? {} : { 'text/html': { schema: { type: 'string' } } }),
    },
  };
}

function headersOfStatus(status: number): readonly AnswerHeader[] {
  if (status === 401) return ['WWW-Authenticate'];
  if (status === 416) return ['Content-Range'];
  return status === 429 || status === 503 ? ['Retry-After'] : [];
}

/** Of failures none is promised: some are found before anything is known of the request. */
function headersNamed(names: readonly NamedHeader[], arePromised: boolean): Json {
  return Object.fromEntries(
    [...names, 'X-Request-Id?' as const].map((named) => {
      const name = named.replace('?', '') as AnswerHeader;
      return [name, { ...ANSWER_HEADERS[name], required: arePromised && name === named }];
    }),
  );
}
