import type { Hostname } from '../../protocol/names.ts';

/** Tells those who wait that some answer may have changed. */
export interface Changes {
  /** `only`: the node whose answer it is; without one, anybody's. */
  announce(only?: Hostname): void;
  /** Settles at the next announcement for a node, without one at the next for anybody, or when the signal aborts. */
  next(signal: AbortSignal, node?: Hostname): Promise<void>;
}

export function openChanges(): Changes {
  const waiting = new Map<() => void, Hostname | undefined>();
  return {
    announce(only) {
      for (const [wake, node] of [...waiting]) if (only === undefined || node === only) wake();
    },
    next(signal, node) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.set(wake, node);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
  };
}
