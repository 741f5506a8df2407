import type { TagRecord } from '../../server/core/tag.ts';
import { minuteCheck } from '../../server/jobs/timetable.ts';
import type { TestServer } from '../rig/server.ts';
import { type Train, type TrainOptions, tagAt, train } from '../stories/train.ts';

/** A train for which no time passes by itself: however long a test takes, nothing is fetched unless the test says so. */
export function stillTrain({ env = {}, ...options }: TrainOptions = {}): Promise<Train> {
  return train({ ...options, env: { TAGWAVE_REPO_POLL_SECONDS: '86400', ...env } });
}

type Passing = Pick<TestServer, 'app' | 'clock'>;

/** Time passes to an instant, and the server does what it does once a minute. */
export async function passTo(server: Passing, instant: string): Promise<void> {
  server.clock.advance(Date.parse(instant) - server.clock.now());
  await minuteCheck(server.app.context);
}

/** A minute passes. */
export async function minute(server: Passing): Promise<void> {
  server.clock.advance(60_000);
  await minuteCheck(server.app.context);
}

/** The wall clock is set while time passes as before, and the server looks at it. */
export async function setClock(server: Passing, instant: string): Promise<void> {
  server.clock.jumpTo(Date.parse(instant));
  await minuteCheck(server.app.context);
}

/** What is known of the tag of an hour of the story's day; undefined where it has none. */
export async function recordAt({ url }: { readonly url: string }, hour: number): Promise<TagRecord | undefined> {
  const response = await fetch(`${url}/v1/tags/${tagAt(hour)}`);
  const body = (await response.json()) as TagRecord;
  return response.ok ? body : undefined;
}
