import type { App } from '../compose.ts';
import { createHttpServer } from '../http/server.ts';
import { startTimetable } from '../jobs/timetable.ts';
import type { Attempt } from '../ports/common.ts';
import type { Settings } from '../settings/settings.ts';
import { openBulletin } from './bulletin.ts';
import { bulletinOf, takeHeadSocket } from './head-socket.ts';

export interface RunningHead {
  /** The path of the socket that doors ask on. */
  readonly socket: string;
  /** Begins nothing any more that takes long, and waits for what does; goes on answering. */
  rest(): Promise<void>;
  stop(graceSeconds: number): Promise<void>;
}

/**
 * Everything that a server does, but that its requests come through doors: there is one that decides, one that writes the
 * history, one that makes tags. `startedWith` is what only a restart of the whole changes.
 */
export async function startHead(
  app: App,
  startedWith: Pick<Settings, 'listen' | 'workers'>,
): Promise<Attempt<RunningHead>> {
  const { context, settings } = app;
  const place = await takeHeadSocket(settings.stateDir);
  if (!place.ok) {
    await app.close();
    return place;
  }
  const { path, protect, release } = place.value;
  const bulletin = openBulletin(context, bulletinOf(path));
  const http = createHttpServer({ context, settings, isBehindDoors: true, onAnswered: bulletin.answered });
  await http.listenOn(path);
  protect();
  await http.listenToAdmins(settings.stateDir);
  await bulletin.listen();
  const timetable = startTimetable(context, { ...settings, ...startedWith });
  const stop = async (graceSeconds: number): Promise<void> => {
    await http.close(graceSeconds);
    await bulletin.close();
    await timetable.stop();
    await app.close();
    release();
  };
  const rest = async (): Promise<void> => {
    await timetable.rest();
    await http.idle();
  };
  return { ok: true, value: { socket: path, rest, stop } };
}
