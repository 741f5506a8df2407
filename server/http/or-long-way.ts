import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../ports/common.ts';

type Way = (request: IncomingMessage, response: ServerResponse) => boolean;

/** A short way whose mistake costs one request its answer at most: where nothing is out yet, the long way has it. */
export function orLongWay(way: Way, log: Log): Way {
  return (request, response) => {
    try {
      return way(request, response);
    } catch (error) {
      log.error('a request could not be answered the short way', { error });
      if (!response.headersSent) return false;
      response.destroy();
      return true;
    }
  };
}
