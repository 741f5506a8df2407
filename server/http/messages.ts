import { IncomingMessage, type ServerOptions, ServerResponse } from 'node:http';
import type { Express } from 'express';

/** Of which classes a server makes its requests and responses. */
export type Messages = Pick<ServerOptions, 'IncomingMessage' | 'ServerResponse'>;

/**
 * Express gives each request and response its own prototype, and from then on that object has a shape like no other: Node's
 * HTTP, which has met thousands of shapes, is slow for everybody, polls too, until the process ends. Of these classes they have
 * that prototype from the beginning.
 */
export function messagesOf(app: Express): Messages {
  class Asked extends IncomingMessage {}
  class Answered<Request extends IncomingMessage = IncomingMessage> extends ServerResponse<Request> {}
  Object.setPrototypeOf(Asked.prototype, app.request);
  Object.setPrototypeOf(Answered.prototype, app.response);
  Object.assign(app, { request: Asked.prototype, response: Answered.prototype });
  return { IncomingMessage: Asked, ServerResponse: Answered };
}
