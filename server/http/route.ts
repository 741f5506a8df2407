import type { Request, Response } from 'express';
import type { Door } from './door.ts';
import type { Reply } from './reply.ts';

/**
 * Who may ask. `anyone`: nodes, and what watches the server. `read`, `change`: only callers on this machine, as the settings
 * allow, until there is authentication.
 */
export type Access = 'anyone' | 'read' | 'change';

/** One request to a route. */
export interface Call {
  readonly door: Door;
  readonly request: Request;
  readonly response: Response;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** Express's pattern. */
  readonly path: string;
  readonly access: Access;
  /** Parses, calls an operation, serialises. */
  handle(call: Call): Reply | Promise<Reply>;
}
