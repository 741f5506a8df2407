import type { Request, Response } from 'express';
import type * as z from 'zod';
import type { Caller } from './caller.ts';
import type { Door } from './door.ts';
import type { Peer } from './peer.ts';
import type { FailureReply, Reply } from './reply.ts';

/**
 * Who may ask. `anyone`: whoever reaches the server. `node`: the host that the path names. `view`: any host; the route sees to it
 * that the content is its own. `enrol`: a host that wants to join. `read`: viewers. `change`: operators. `admin`: admins.
 * `login`: who is about to show who they are.
 */
export type Access = 'anyone' | 'node' | 'view' | 'enrol' | 'read' | 'change' | 'admin' | 'login';

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

/** What `GET /openapi.json` says of a route: the schemas are those that validate. */
export interface Description {
  /** One sentence without a full stop, for a list. */
  readonly summary: string;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /** By status: what is answered, as JSON of that shape, or as some other media type. */
  readonly answers: Readonly<Record<number, z.ZodType | string>>;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Express's pattern. */
  readonly path: string;
  readonly access: Access;
  readonly description?: Description;
  /** Parses, calls an operation, serialises. */
  handle(call: Call): Reply | Promise<Reply>;
}
