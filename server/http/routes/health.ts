import { refreshShelf } from '../../operations/refresh-shelf.ts';
import { worldNow } from '../../operations/world.ts';
import { storeFailed } from '../errors.ts';
import { starting, unavailable } from '../failures.ts';
import { json } from '../reply.ts';
import type { Route } from '../route.ts';

/** The process answers. */
export const healthRoute: Route = {
  method: 'GET',
  path: '/healthz',
  access: 'anyone',
  handle: () => json({ status: 'alive' }),
};

/** The control files are settled, the tags can be read, and the store can be written. */
export const readyRoute: Route = {
  method: 'GET',
  path: '/readyz',
  access: 'anyone',
  async handle({ door: { context } }) {
    const ready = worldNow(context);
    if (ready.kind === 'not-ready') return starting(ready);
    try {
      await refreshShelf(context);
    } catch (error) {
      context.log.error('the repository cannot be read', { error });
      return unavailable({
        sentence: 'the tags cannot be read',
        hint: "check the disk that holds the state directory; the server's log has the reason",
      });
    }
    try {
      await context.store.checkWritable();
    } catch (error) {
      context.log.error('the history cannot be written', { error });
      return storeFailed();
    }
    return json({ status: 'ready' });
  },
};
