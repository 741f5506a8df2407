import type { App } from './compose.ts';
import { createHttpServer } from './http/server.ts';
import { startTimetable } from './jobs/timetable.ts';
import type { Attempt } from './ports/common.ts';

export interface Running {
  /** `http://HOST:PORT` */
  readonly url: string;
  /** In-flight requests finish, what was noted is written, then it settles. */
  stop(): Promise<void>;
}

/** Answers requests and keeps the timetable until it is stopped. */
export async function startServer(app: App): Promise<Attempt<Running>> {
  const { context, settings } = app;
  const http = createHttpServer({ context, settings });
  const listening = await http.listen(settings.listen);
  if (!listening.ok) {
    await app.close();
    return listening;
  }
  const url = listening.value;
  await http.listenToAdmins(settings.stateDir);
  const timetable = startTimetable(context, settings);
  context.log.info('listening', { url });
  const stop = async (): Promise<void> => {
    context.log.info('stopping');
    await http.close(settings.stop.graceSeconds);
    await timetable.stop();
    await app.close();
    context.log.info('stopped');
  };
  return { ok: true, value: { url, stop } };
}
