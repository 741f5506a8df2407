/** Somebody wants a run now. */
export interface WakeSignal {
  /** Somebody asked, and nobody has taken that up. */
  isWanted(): boolean;
  take(): void;
  /** Calls back whenever somebody does; answers how to stop that. */
  onWake(listener: () => void): () => void;
}

/** SIGHUP, as other services take it. On a terminal it means that the terminal is gone, and ends the process as usual. */
export function listenForWake(onTerminal: boolean): WakeSignal {
  const listeners = new Set<() => void>();
  let isWanted = false;
  if (!onTerminal)
    process.on('SIGHUP', () => {
      isWanted = true;
      for (const listener of listeners) listener();
    });
  return {
    isWanted: () => isWanted,
    take: () => {
      isWanted = false;
    },
    onWake(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
