export interface StopSignals {
  readonly signal: AbortSignal;
  /** Which one came. */
  received(): 'SIGTERM' | 'SIGINT' | undefined;
}

/** The first SIGTERM or SIGINT asks the run to stop at the next step; a second one ends the process at once. */
export function listenForStop(): StopSignals {
  const controller = new AbortController();
  let received: 'SIGTERM' | 'SIGINT' | undefined;
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.once(name, () => {
      received ??= name;
      controller.abort();
    });
  }
  return { signal: controller.signal, received: () => received };
}
