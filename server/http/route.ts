import type { Request, Response } from 'express';
import type * as z from 'zod';
import type { ErrorCode } from '../../protocol/errors.ts';
import type { Caller } from './caller.ts';
import type { Door } from './door.ts';
import type { AnswerHeader, RequestHeader } from './openapi/headers.ts';
import type { PathOf } from './parameters.ts';
import type { Peer } from './peer.ts';
import type { FailureReply, Reply } from './reply.ts';

/**
 * Who may ask. `anyone`: whoever reaches the server. `node`: the host that the path names; `own-token`: by a token that is its own.
 * `view`: any host; the route sees to it that the content is its own. `enrol`: a host that wants to join. `read`: viewers. `change`: operators. `admin`: admins.
 * `login`: who is about to show who they are.
 */
export type Access = 'anyone' | 'node' | 'own-token' | 'view' | 'enrol' | 'read' | 'change' | 'admin' | 'login';

/** One request to a route. */
export interface Call {
  readonly door: Door;
  readonly request: Request;
  readonly response: Response;
  readonly caller: Caller;
  readonly peer: Peer;
  /** Why it would be refused by now: who asks may have been put out since it began. */
  refusedNow(): FailureReply | undefined;
}

/** Of which chapter a route is, in the order of the description. */
export const GROUPS = {
  Hosts: 'What hosts ask for, fetch and report.',
  Fleet: 'Which node gets what, and why.',
  Tags: 'The hourly tags and their marks.',
  Killswitch: 'Stop everything, or one environment.',
  Forecast: 'What comes next, and what a change would move.',
  History: 'Everything that happened, and what happens now.',
  Access: 'Who may ask: tokens, enrolments, sessions.',
  Server: 'The server itself, and the client that it gives to hosts.',
} as const;
export type Group = keyof typeof GROUPS;

export type NamedHeader = AnswerHeader | `${AnswerHeader}?`;

/** What is answered where it is more than JSON of one shape. */
export interface Answer {
  /** What it means. */
  readonly means?: string;
  /** By media type: JSON of that shape, or null for what has none. Nothing: no body. */
  readonly content?: Readonly<Record<string, z.core.$ZodType | null>>;
  /** With a question mark: only where there is one. */
  readonly headers?: readonly NamedHeader[];
}

/**
 * What a request may carry, by the very schemas that it is read with, and what is answered: `GET /openapi.json` is made of it. What
 * follows from the access, the path, and from there being a query or a body, is not said again.
 */
export interface Description<Query extends z.core.$ZodType = z.core.$ZodType, Body = z.core.$ZodType> {
  readonly group: Group;
  /** One sentence without a full stop, for a list. */
  readonly summary: string;
  /** What else there is to say. */
  readonly details?: string;
  readonly query?: Query;
  /** JSON. */
  readonly body?: Body;
  /** The headers that it looks at. */
  readonly headers?: readonly RequestHeader[];
  /** By status: JSON of that shape, or some other media type. */
  readonly answers: Readonly<Record<number, z.core.$ZodType | string | Answer>>;
  /** What may be wrong besides. */
  readonly failures?: readonly ErrorCode[];
  /** Browsers get failures as a page. */
  readonly hasPages?: true;
  /** What failures carry where they are the answer to a node's question. */
  readonly failureHeaders?: readonly NamedHeader[];
}

/** What was read of a request. Of a query or a body that the description does not name: undefined. */
export interface Asked<Path = unknown, Query = unknown, Body = unknown> {
  readonly path: Path;
  readonly query: Query;
  readonly body: Body;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Express's pattern. Its parts are described in `parameters.ts`. */
  readonly path: string;
  readonly access: Access;
  readonly description: Description;
  /** Calls an operation, serialises. */
  handle(call: Call, asked: Asked): Reply | Promise<Reply>;
}

interface TypedRoute<Path extends string, Query extends z.core.$ZodType, Body extends z.core.$ZodType> extends Route {
  readonly path: Path;
  readonly description: Description<Query, Body>;
  handle(call: Call, asked: Asked<PathOf<Path>, z.output<Query>, z.output<Body>>): Reply | Promise<Reply>;
}

/** A route whose handler is given what its description says, in the types of its schemas. */
export function route<
  const Path extends string,
  Query extends z.core.$ZodType = z.ZodUndefined,
  Body extends z.core.$ZodType = z.ZodUndefined,
>(typed: TypedRoute<Path, Query, Body>): Route {
  return typed;
}

/** An answer in JSON of which there is more to say. */
export function asJson(schema: z.core.$ZodType): Pick<Answer, 'content'> {
  return { content: { 'application/json': schema } };
}
