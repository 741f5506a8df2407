import express, { type Request, type RequestHandler } from 'express';
import * as z from 'zod';
import {
  type Digest,
  type Hostname,
  parseDigest,
  parseHostname,
  parseTagName,
  type TagName,
} from '../../protocol/names.ts';
import { badDigest, badHostname, badTag } from './failures.ts';
import { isJson, notJson } from './guard.ts';
import { failure, type Read } from './reply.ts';
import type { Call } from './route.ts';

/** A part of the path, decoded. */
export function parameter(request: Request, name: string): string {
  const value = request.params[name];
  return typeof value === 'string' ? value : '';
}

export function hostnameOf(request: Request): Read<Hostname> {
  const text = parameter(request, 'hostname');
  const value = parseHostname(text);
  return value === undefined ? { ok: false, reply: badHostname(text) } : { ok: true, value };
}

export function tagOf(request: Request): Read<TagName> {
  const text = parameter(request, 'tag');
  const value = parseTagName(text);
  return value === undefined ? { ok: false, reply: badTag(text) } : { ok: true, value };
}

export function digestOf(request: Request): Read<Digest> {
  const text = parameter(request, 'digest');
  const value = parseDigest(text);
  return value === undefined ? { ok: false, reply: badDigest(text) } : { ok: true, value };
}

/** `?from=`: the view that an archive may lead from. */
export function baseOf(request: Request): Read<Digest | undefined> {
  const text = request.query['from'];
  if (text === undefined) return { ok: true, value: undefined };
  const value = typeof text === 'string' ? parseDigest(text) : undefined;
  return value === undefined ? { ok: false, reply: badDigest(String(text)) } : { ok: true, value };
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
