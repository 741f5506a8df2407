import { type FailureReply, failure } from './reply.ts';

/** The answer to who asks on an open connection while the server ends. */
export const STOPPING: FailureReply = {
  ...failure('stopping', 'the server is being stopped', 'ask again in a few seconds, or ask another server'),
  headers: { Connection: 'close', 'Retry-After': '5' },
};
