import { type LevelledLog, openLog } from './adapters/log.ts';

/** JSON lines on standard error; its level can be set once the settings are known. */
export function serverLog(): LevelledLog {
  return openLog({ level: 'warn' });
}
