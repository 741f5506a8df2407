/** Runs a job when asked. However many ask while it runs, it runs once more after that: they may have come too late for it. */
export interface Soon {
  ask(): void;
  /** Settles when nothing runs. */
  idle(): Promise<void>;
}

export function soon(job: () => Promise<unknown>, onFailure: (error: unknown) => void): Soon {
  let running: Promise<void> | undefined;
  let again = false;
  const run = async (): Promise<void> => {
    do {
      again = false;
      await job().catch(onFailure);
    } while (again);
    running = undefined;
  };
  return {
    ask() {
      if (running === undefined) running = run();
      else again = true;
    },
    idle: () => running ?? Promise.resolve(),
  };
}
