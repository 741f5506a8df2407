import { aliveSchema, readySchema } from '../../../protocol/api/status.ts';
import { refreshShelf } from '../../operations/refresh-shelf.ts';
import { worldNow } from '../../operations/world.ts';
import { storeFailed } from '../errors.ts';
import { starting, unavailable } from '../failures.ts';
import { json } from '../reply.ts';
import { route } from '../route.ts';

/** The process answers. */
export const healthRoute = route({
  method: 'GET',
  path: '/healthz',
  access: 'anyone',
  description: { group: 'Server', summary: 'Whether the process answers', answers: { 200: aliveSchema } },
  handle: () => json({ status: 'alive' }),
});

/** The control files are settled, the tags can be read, and the store can be written. */
export const readyRoute = route({
  method: 'GET',
  path: '/readyz',
  access: 'anyone',
  description: {
    group: 'Server',
    summary: 'Whether it can decide and record: control files settled, tags readable, store writable',
    answers: { 200: readySchema },
    failures: ['starting', 'state-unavailable'],
  },
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
});
