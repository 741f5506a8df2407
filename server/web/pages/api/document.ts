/** `GET /openapi.json`, as far as the page reads it; any other document in the same format does as well. */
export interface OpenApi {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, Schema>> };
}

/** JSON Schema, as far as it is shown. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly title?: string;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly default?: unknown;
  readonly example?: unknown;
  readonly examples?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxLength?: number;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
}

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: Schema;
}

export interface Content {
  readonly description?: string;
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}

interface RawOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: Content & { readonly required?: boolean };
  readonly responses?: Readonly<Record<string, Content>>;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
}

export interface Operation extends RawOperation {
  /** Names it in URLs: `get-v1-nodes-hostname`. */
  readonly id: string;
  readonly method: string;
  readonly path: string;
}

export interface Group {
  readonly name: string;
  readonly description: string | null;
  readonly operations: readonly Operation[];
}

const METHODS = ['get', 'post', 'put', 'delete', 'patch', 'head', 'options'];

export function operationsOf({ paths }: OpenApi): readonly Operation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method]) => METHODS.includes(method))
      .map(([method, raw]) => ({
        ...(raw as RawOperation),
        id: idOf(method, path),
        method: method.toUpperCase(),
        path,
      })),
  );
}

function idOf(method: string, path: string): string {
  return `${method}${path}`
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/-$/, '');
}

/** In the document's order of its tags; what has none goes by the first part of its path that says something. */
export function groupsOf(document: OpenApi): readonly Group[] {
  const byName = new Map<string, Operation[]>((document.tags ?? []).map(({ name }) => [name, []]));
  for (const operation of operationsOf(document)) {
    const name = operation.tags?.[0] ?? firstPart(operation.path);
    byName.set(name, [...(byName.get(name) ?? []), operation]);
  }
  const description = (name: string) => document.tags?.find((tag) => tag.name === name)?.description ?? null;
  return [...byName]
    .filter(([, operations]) => operations.length > 0)
    .map(([name, operations]) => ({ name, description: description(name), operations }));
}

function firstPart(path: string): string {
  return path.split('/').find((part) => part !== '' && !/^v\d+$/.test(part)) ?? '/';
}

/** Every word must be in the method, the path or what is said of it. */
export function isAbout(operation: Operation, q: string): boolean {
  const text = [operation.method, operation.path, operation.summary, operation.description].join(' ').toLowerCase();
  return q
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
