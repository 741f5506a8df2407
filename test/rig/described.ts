import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';
import { openapiDocument, templateOf } from '../../server/http/openapi/document.ts';
import type { Route } from '../../server/http/route.ts';
import { ROUTES } from '../../server/http/routes.ts';

type Json = Readonly<Record<string, unknown>>;

interface Media {
  readonly schema?: Json;
}

interface Response {
  readonly content?: Readonly<Record<string, Media>>;
  readonly headers?: Readonly<Record<string, Media & { readonly required?: boolean }>>;
}

interface Operation {
  readonly operationId: string;
  readonly parameters: readonly (Media & { readonly name: string; readonly in: string; readonly required?: boolean })[];
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> };
  readonly responses: Readonly<Record<string, Response>>;
}

export interface Described extends Json {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: Json;
}

/** What went over the wire. */
export interface Exchanged {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** As JSON. */
  readonly sent?: unknown;
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Buffer;
}

export interface Verdict {
  /** `GET /v1/nodes/{hostname} 200`; null where there is no such route. */
  readonly what: string | null;
  readonly wrongs: readonly string[];
}

/** Holds requests and answers against a description. What it does not know is wrong, in answers more than for those who read them. */
export function holdAgainst(document: Described): (exchanged: Exchanged) => Verdict {
  const check = openChecks(document);
  return (exchanged) => {
    const found = operationOf(document, exchanged);
    if (found === undefined) return { what: null, wrongs: [] };
    const { operation, path } = found;
    const { status } = exchanged;
    const response = operation.responses[status] ?? (ANYWHERE.has(status) ? operation.responses['default'] : undefined);
    const what = `${exchanged.method} ${path} ${status}`;
    if (response === undefined) return { what, wrongs: [`${status} is not described: ${exchanged.bytes.toString()}`] };
    const wrongs = [
      ...wrongHeaders(exchanged, response, check),
      ...wrongBody(exchanged, response, check),
      ...(status < 400 ? wrongRequest(exchanged, operation, check) : []),
    ];
    return { what, wrongs };
  };
}

/** What may befall any request, whatever it asks for. */
const ANYWHERE: ReadonlySet<number> = new Set([408, 429, 431, 500, 503]);

/** A schema by which nothing is allowed that it does not name. */
type Check = (schema: Json, value: unknown) => string[];

function openChecks({ components }: Described): Check {
  const ajv = new Ajv2020({ allErrors: true, strict: true, strictTypes: false });
  addFormats.default(ajv);
  ajv.addVocabulary(['components', 'example']);
  const known = new Map<Json, ValidateFunction>();
  const place = { components: closed(components) };
  return (schema, value) => {
    const validate = known.get(schema) ?? ajv.compile({ ...(closed(schema) as Json), ...place });
    known.set(schema, validate);
    return validate(value)
      ? []
      : (validate.errors ?? []).map(
          (error) => `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`,
        );
  };
}

/** The same, but that objects have no other properties than those that are named. */
function closed(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(closed);
  if (typeof schema !== 'object' || schema === null) return schema;
  const own = Object.fromEntries(Object.entries(schema).map(([key, one]) => [key, closed(one)]));
  const isObject = own['type'] === 'object' && 'properties' in own && !('additionalProperties' in own);
  return isObject ? { ...own, additionalProperties: false } : own;
}

function operationOf({ paths }: Described, { method, path }: Exchanged) {
  const [plain = ''] = path.split('?', 1);
  const verb = method.toLowerCase();
  const route = ROUTES.find((one) => one.method === method && matches(one, plain));
  const template = route && templateOf(route.path);
  const operation = template === undefined ? undefined : paths[template]?.[verb];
  return operation === undefined || template === undefined ? undefined : { operation, path: template };
}

function matches({ path }: Route, asked: string): boolean {
  const [parts, others] = [path.split('/'), asked.split('/')];
  return (
    parts.length === others.length &&
    parts.every((part, index) => (part.startsWith(':') ? others[index] !== '' : part === others[index]))
  );
}

/** Those that mean something here. Any other is HTTP's own, or says the same everywhere. */
const TELLING =
  /^(tagwave-.*|etag|repr-digest|content-encoding|content-range|link|location|set-cookie|retry-after|www-authenticate|accept-ranges|x-request-id)$/;

function wrongHeaders({ headers }: Exchanged, { headers: described = {} }: Response, check: Check): string[] {
  const byName = new Map(Object.entries(described).map(([name, header]) => [name.toLowerCase(), header]));
  const missing = [...byName].filter(([name, { required }]) => required && headers[name] === undefined);
  return [
    ...missing.map(([name]) => `the header ${name} is missing`),
    ...Object.entries(headers).flatMap(([name, value]) => {
      const { schema } = byName.get(name) ?? {};
      if (schema === undefined) return TELLING.test(name) ? [`the header ${name} is not described`] : [];
      return check(schema, asTyped(schema, String(value))).map((wrong) => `the header ${name}: ${wrong}`);
    }),
  ];
}

function wrongBody({ status, headers, bytes }: Exchanged, { content = {} }: Response, check: Check): string[] {
  if (bytes.length === 0) return Object.keys(content).length === 0 || status === 304 ? [] : ['there is no body'];
  const type = String(headers['content-type']).split(';', 1)[0] ?? '';
  const media = content[type] ?? content['*/*'];
  if (media === undefined) return [`the media type ${type} is not described`];
  if (media.schema === undefined || headers['content-encoding'] !== undefined) return [];
  const text = bytes.toString('utf8');
  return check(media.schema, /json$/.test(type) ? JSON.parse(text) : text);
}

function wrongRequest({ path, sent }: Exchanged, { parameters, requestBody }: Operation, check: Check): string[] {
  const body = requestBody?.content['application/json']?.schema;
  const asked = [...new URL(path, 'http://x').searchParams];
  return [
    ...(body === undefined ? [] : check(body, sent).map((wrong) => `what was taken: ${wrong}`)),
    ...asked.flatMap(([name, value]) => {
      const schema = parameters.find((one) => one.in === 'query' && one.name === name)?.schema;
      if (schema === undefined) return [`?${name}= was taken, and is not described`];
      return check(schema, asTyped(schema, value)).map((wrong) => `?${name}=${value} was taken: ${wrong}`);
    }),
  ];
}

function asTyped({ type }: Json, text: string): unknown {
  return type === 'integer' ? Number(text) : text;
}

/** As the server writes it. */
export function described(): Described {
  const about = { version: '1.2.3', summary: 'A test', license: 'MIT' };
  return JSON.parse(JSON.stringify(openapiDocument(ROUTES, about)));
}
