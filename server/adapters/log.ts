import type { Writable } from 'node:stream';
import { createLogger, format, transports } from 'winston';
import { plainJson } from '../core/plain-json.ts';
import type { Log } from '../ports/common.ts';
import { LOG_LEVELS, type LogLevel } from '../settings/settings.ts';
import { masked } from './known-secrets.ts';

export interface LogOptions {
  readonly level: LogLevel;
  /** Standard error unless a test wants to read it. */
  readonly stream?: Writable;
}

/** `Log` whose level can be set once the settings are known. */
export interface LevelledLog extends Log {
  setLevel(level: LogLevel): void;
}

/** One JSON object a line, time first, without a character that a terminal would obey. */
export function openLog({ level, stream = process.stderr }: LogOptions): LevelledLog {
  const logger = createLogger({
    // What is too detailed is left out below, before winston makes an object of it: polls are logged at `debug`.
    level: 'debug',
    format: format.printf(({ level: severity, message, ...fields }) =>
      plainJson({ time: new Date().toISOString(), level: severity, message, ...fields }, asData),
    ),
    transports: [new transports.Stream({ stream })],
  });
  let threshold = LOG_LEVELS.indexOf(level);
  const at =
    (severity: LogLevel) =>
    (message: string, fields: Record<string, unknown> = {}): void => {
      if (LOG_LEVELS.indexOf(severity) > threshold) return;
      logger.log({ ...fields, level: severity, message });
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    setLevel(next) {
      threshold = LOG_LEVELS.indexOf(next);
    },
  };
}

function asData(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return masked(value);
  if (value instanceof Error) return { name: value.name, message: value.message, stack: value.stack };
  return typeof value === 'bigint' ? String(value) : value;
}
