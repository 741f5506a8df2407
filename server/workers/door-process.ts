import { openKnownCredentials } from '../adapters/credentials/credentials.ts';
import type { LevelledLog } from '../adapters/log.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { createDoor } from './door.ts';
import type { FromDoor, ToDoor } from './messages.ts';
import { openSupervision } from './supervision.ts';

/** Answers requests as long as the supervisor wants it to. Answers the exit code. */
export async function runDoor(log: LevelledLog): Promise<0 | 1> {
  process.title = 'tagwave-server door';
  const supervisor = openSupervision<ToDoor, FromDoor>();
  supervisor.say({ kind: 'loaded' });
  const stopped = supervisor.first('stop');
  const begun = await Promise.race([supervisor.first('open'), stopped]);
  if (begun.kind === 'stop') return 0;
  const { listen, at } = begun;
  log.setLevel(at.settings.log.level);
  const credentials = openKnownCredentials(at.settings.stateDir);
  const door = createDoor(at, { log, clock: systemClock, credentials });
  supervisor.on('hold', () => void door.hold().then(() => supervisor.say({ kind: 'holding' })));
  supervisor.on('go', ({ at: now }) => door.go(now));
  const listening = await door.listen(listen);
  if (!listening.ok) {
    const { sentence, hint } = listening;
    supervisor.say({ kind: 'deaf', sentence, hint });
    return 1;
  }
  supervisor.say({ kind: 'open', url: listening.value });
  const retired = supervisor.first('retire').then(({ idleSeconds }) => door.retire(idleSeconds));
  // Also one that has retired, but is still answering somebody, may be told to stop.
  await Promise.race([retired, stopped.then(({ graceSeconds }) => door.stop(graceSeconds))]);
  await credentials.close();
  return 0;
}
