import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../server/adapters/system-clock.ts';
import { readSettings } from '../../server/settings/read.ts';
import { createDoor, type ServingDoor } from '../../server/workers/door.ts';
import { NOBODY_KNOWN } from '../rig/nobody-known.ts';
import { quiet } from '../rig/server.ts';

export interface TestDoor {
  readonly door: ServingDoor;
  readonly url: string;
}

/** A door of this process's own to the head of a server with workers, so that it is known which door is asked. */
export async function openDoorTo(base: string): Promise<TestDoor> {
  const read = readSettings({ base, env: {}, flags: {}, text: null });
  if (!read.ok) throw new Error('the defaults are valid');
  const at = { socket: join(base, 'var', 'head', 'socket'), settings: read.settings, base };
  const door = createDoor(at, { log: quiet, clock: systemClock, credentials: NOBODY_KNOWN });
  const listening = await door.listen({ host: '127.0.0.1', port: 0 });
  if (!listening.ok) throw new Error(listening.sentence);
  onTestFinished(() => door.stop(0));
  return { door, url: listening.value };
}
