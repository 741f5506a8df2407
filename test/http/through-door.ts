import type { App } from '../../server/compose.ts';
import type { Attempt } from '../../server/ports/common.ts';
import { type Running, startServer as startAlone } from '../../server/serve.ts';
import { createDoor } from '../../server/workers/door.ts';
import { startHead } from '../../server/workers/head.ts';

let isThroughDoor = false;

/** From here on requests to the servers of this test file go through a door, as with several workers. */
export function askThroughDoor(): void {
  isThroughDoor = true;
}

export function startServer(app: App): Promise<Attempt<Running>> {
  return isThroughDoor ? startBehindDoor(app) : startAlone(app);
}

/** Head and door in one process, with the socket between them. */
async function startBehindDoor(app: App): Promise<Attempt<Running>> {
  const { settings, context } = app;
  const head = await startHead(app, settings);
  if (!head.ok) return head;
  const door = createDoor({ socket: head.value.socket, settings, base: context.base }, context);
  const listening = await door.listen(settings.listen);
  if (!listening.ok) return listening;
  const stop = async (): Promise<void> => {
    await door.stop(settings.stop.graceSeconds);
    await head.value.stop(settings.stop.graceSeconds);
  };
  return { ok: true, value: { url: listening.value, stop } };
}
