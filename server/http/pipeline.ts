import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Log } from '../ports/common.ts';

/** Who asks on before there is an answer gets those answers in turn, of which so many are kept. Hardly anybody does so. */
export const MOST_PIPELINED = 20;

/**
 * Keeps the answers that wait for others on the same connection few, and ends them with the connection: node, which gives them
 * the connection only when it is their turn, would never say that they are closed, and who waits or follows would go on.
 */
export function boundPipelines(listener: RequestListener, log: Log): RequestListener {
  const queues = new WeakMap<Socket, Set<ServerResponse>>();

  const queueOf = (socket: Socket): Set<ServerResponse> => {
    const known = queues.get(socket);
    if (known !== undefined) return known;
    const queue = new Set<ServerResponse>();
    queues.set(socket, queue);
    socket.once('close', () => {
      for (const response of [...queue]) if (response.socket === null) response.destroy().emit('close');
    });
    return queue;
  };

  const enqueue = (request: IncomingMessage, response: ServerResponse): boolean => {
    const { socket } = request;
    if (socket.destroyed) return false;
    const queue = queueOf(socket);
    if (queue.size >= MOST_PIPELINED) {
      log.debug('a connection was cut off: more was asked on it than is answered', { most: MOST_PIPELINED });
      socket.destroy();
      return false;
    }
    queue.add(response);
    response.once('close', () => queue.delete(response));
    return true;
  };

  return (request, response) => {
    if (response.socket !== null || enqueue(request, response)) listener(request, response);
  };
}
