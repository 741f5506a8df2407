/** Tells those who wait that some answer may have changed. */
export interface Changes {
  announce(): void;
  /** Settles at the next announcement, or when the signal aborts. */
  next(signal: AbortSignal): Promise<void>;
}

export function openChanges(): Changes {
  let waiting = new Set<() => void>();
  return {
    announce() {
      const woken = waiting;
      waiting = new Set();
      for (const wake of woken) wake();
    },
    next(signal) {
      return new Promise((resolve) => {
        if (signal.aborted) return resolve();
        const wake = (): void => {
          signal.removeEventListener('abort', wake);
          waiting.delete(wake);
          resolve();
        };
        waiting.add(wake);
        signal.addEventListener('abort', wake, { once: true });
      });
    },
  };
}
