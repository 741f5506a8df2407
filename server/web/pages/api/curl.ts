import type { OpenApi, Operation, Parameter, Schema } from './document.ts';
import { resolved } from './schema.ts';

interface Where {
  /** Of the server, without a slash at its end. */
  readonly origin: string;
  /** Whether who asks must say who they are. */
  readonly needsToken: boolean;
}

/** A line to paste into a shell. What must be put in is in capitals. */
export function curlOf(operation: Operation, document: OpenApi, { origin, needsToken }: Where): string {
  const { method, parameters = [], requestBody } = operation;
  const body = requestBody?.content?.['application/json']?.schema;
  const url = `${origin}${operation.path.replace(/\{(\w+)\}/g, (_, name: string) => wordFor(name))}${queryOf(parameters)}`;
  const words = [
    'curl -s',
    ...(method === 'GET' ? [] : [`-X ${method}`]),
    ...(needsToken ? ['-H "Authorization: Bearer $TAGWAVE_TOKEN"'] : []),
    ...(method === 'GET' ? [] : ["-H 'Content-Type: application/json'"]),
    ...(body === undefined ? [] : [`-d ${quoted(JSON.stringify(exampleOf(body, document)))}`]),
    /^[\w:/.-]+$/.test(url) ? url : quoted(url),
  ];
  return words.join(' ');
}

function queryOf(parameters: readonly Parameter[]): string {
  const needed = parameters.filter((one) => one.in === 'query' && one.required === true);
  return needed.length === 0 ? '' : `?${needed.map(({ name }) => `${name}=${wordFor(name)}`).join('&')}`;
}

/** `hostname` → `HOSTNAME`, `runId` → `RUN_ID`. */
function wordFor(name: string): string {
  return name.replace(/([a-z])([A-Z])/g, '$1_$2').toUpperCase();
}

/** A value of that shape: what must be there, and of a choice the first. */
export function exampleOf(schema: Schema, document: OpenApi, depth = 0): unknown {
  const found = resolved(schema, document);
  const given = found.example ?? found.examples?.[0] ?? found.default ?? found.const ?? found.enum?.[0];
  if (given !== undefined) return given;
  const first = found.allOf?.[0] ?? found.anyOf?.[0] ?? found.oneOf?.[0];
  if (first !== undefined) return exampleOf(first, document, depth + 1);
  if (found.properties !== undefined) return depth > 5 ? {} : exampleFields(found, document, depth);
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  switch (type) {
    case 'array':
      return found.items === undefined || depth > 5 ? [] : [exampleOf(found.items, document, depth + 1)];
    case 'integer':
    case 'number':
      return found.minimum !== undefined && found.minimum > 0 ? found.minimum : 1;
    case 'boolean':
      return true;
    case 'null':
      return null;
    case 'object':
      return {};
    default:
      return found.format === 'date-time' ? '2026-11-20T08:00:00Z' : '…';
  }
}

/** Where nothing must be there, everything may be. */
function exampleFields({ properties = {}, required = [] }: Schema, document: OpenApi, depth: number): unknown {
  const names = required.length > 0 ? required : Object.keys(properties);
  return Object.fromEntries(names.map((name) => [name, exampleOf(properties[name] ?? {}, document, depth + 1)]));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
