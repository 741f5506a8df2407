/** What time it is. The only source of time; tests bring one that can be moved. */
export interface Clock {
  /** Milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds since some start; never jumps. */
  monotonic(): number;
  /** Milliseconds since 1970 on the clock that stamps files. */
  fileTime(): number;
}

/** A value, or a reason in words an operator can act on. */
export type Attempt<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly sentence: string; readonly hint: string };

/** Structured, one JSON object a line. Fields never carry secrets; control characters are escaped by the format. */
export interface Log {
  debug(message: string, fields?: Record<string, unknown>): void;
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}
