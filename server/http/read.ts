import express, { type Request, type RequestHandler } from 'express';
import * as z from 'zod';
import { type Digest, parseDigest } from '../../protocol/names.ts';
import { badDigest } from './failures.ts';
import { isJson, notJson } from './guard.ts';
import { namesIn, PARAMETERS } from './parameters.ts';
import { failure, type Read } from './reply.ts';
import type { Asked, Call, Route } from './route.ts';

/** A part of the path, decoded. */
export function parameter(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}

/** `?from=`: the view that an archive may lead from. */
export function baseOf(text: string | undefined): Read<Digest | undefined> {
  if (text === undefined) return { ok: true, value: undefined };
  const value = parseDigest(text);
  return value === undefined ? { ok: false, reply: badDigest(text) } : { ok: true, value };
}

/** All that a request says, by the description of its route: first the parts of the path, then the query, then the body. */
export async function readAsked({ path, description }: Route, call: Call): Promise<Read<Asked>> {
  const parts = readPath(path, call.request);
  if (!parts.ok) return parts;
  const { query, body } = description;
  const asked = query === undefined ? NOTHING : readQuery(call.request, query);
  if (!asked.ok) return asked;
  const sent = body === undefined ? NOTHING : await readBody(call, body);
  return sent.ok ? { ok: true, value: { path: parts.value, query: asked.value, body: sent.value } } : sent;
}

const NOTHING: Read<undefined> = { ok: true, value: undefined };

function readPath(path: string, request: Request): Read<Readonly<Record<string, string>>> {
  const value: Record<string, string> = {};
  for (const name of namesIn(path)) {
    const text = parameter(request, name);
    const { parse, refuse } = PARAMETERS[name];
    const parsed = parse(text);
    if (parsed === undefined) return { ok: false, reply: refuse(text) };
    value[name] = parsed;
  }
  return { ok: true, value };
}

/** The part after the question mark. A key that comes twice is a list, which no schema here accepts. */
export function readQuery<Schema extends z.core.$ZodType>(request: Request, schema: Schema): Read<z.output<Schema>> {
  return understand(schema, request.query, 'the query');
}

/** The body as JSON of a known shape. */
export async function readBody<Schema extends z.core.$ZodType>(
  call: Call,
  schema: Schema,
): Promise<Read<z.output<Schema>>> {
  const { request, response, door } = call;
  if (!isJson(request.headers['content-type'])) return { ok: false, reply: notJson() };
  const parse = jsonParser(door.settings().http.bodyLimitKib);
  await new Promise<void>((resolve, reject) => {
    parse(request, response, (error?: unknown) => (error === undefined ? resolve() : reject(error)));
  });
  return understand(schema, request.body, 'the body');
}

const parsers = new Map<number, RequestHandler>();

function jsonParser(limitKib: number): RequestHandler {
  const known = parsers.get(limitKib);
  if (known !== undefined) return known;
  const parser = express.json({ limit: limitKib * 1024, inflate: false });
  parsers.set(limitKib, parser);
  return parser;
}

const SHOWN_ISSUES = 5;

function understand<Schema extends z.core.$ZodType>(
  schema: Schema,
  value: unknown,
  what: string,
): Read<z.output<Schema>> {
  const parsed = z.safeParse(schema, value);
  if (parsed.success) return { ok: true, value: parsed.data };
  const issues = parsed.error.issues
    .slice(0, SHOWN_ISSUES)
    .map(({ path, message }) => `${path.map(String).join('.') || what}: ${message}`);
  return {
    ok: false,
    reply: failure('bad-request', `${what} is not understood: ${issues.join('; ')}`, 'correct it and ask again'),
  };
}
