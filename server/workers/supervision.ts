import { hear } from './messages.ts';

/** The end of the line to the supervisor that the head and each door have. */
export interface Supervision<To extends { readonly kind: string }, From extends object> {
  say(message: From): void;
  /** Calls back for every message of a kind, from the first on. */
  on<Kind extends To['kind']>(kind: Kind, listener: (message: Extract<To, { kind: Kind }>) => void): void;
  /** The first message of a kind. */
  first<Kind extends To['kind']>(kind: Kind): Promise<Extract<To, { kind: Kind }>>;
  /** Settles when there is no supervisor any more. */
  readonly orphaned: Promise<undefined>;
}

/**
 * Begins to hear. Signals are left to the supervisor, which says what is to be done: a terminal, and a service manager, send
 * them to all processes at once.
 */
export function openSupervision<To extends { readonly kind: string }, From extends object>(): Supervision<To, From> {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const heard: To[] = [];
  const listeners: ((message: To) => void)[] = [];
  hear<To>(process, (message) => {
    heard.push(message);
    for (const listener of listeners) listener(message);
  });
  const on: Supervision<To, From>['on'] = (kind, listener) => {
    const isMeant = (message: To): message is Extract<To, { kind: typeof kind }> => message.kind === kind;
    const take = (message: To): void => {
      if (isMeant(message)) listener(message);
    };
    listeners.push(take);
    for (const message of heard) take(message);
  };
  return {
    say(message) {
      // Nobody hears it where the supervisor is gone, which `orphaned` tells.
      if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
    },
    on,
    first: (kind) => new Promise((resolve) => on(kind, resolve)),
    orphaned: new Promise((resolve) => {
      process.once('disconnect', () => resolve(undefined));
      if (!process.connected) resolve(undefined);
    }),
  };
}
