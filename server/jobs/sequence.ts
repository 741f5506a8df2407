/** Runs jobs one after the other; a job that is already waiting is not queued twice. */
export interface Sequence {
  run(name: string, job: () => Promise<unknown>): Promise<void>;
  /** Settles when nothing runs any more. */
  idle(): Promise<void>;
}

export function sequence(onError: (name: string, error: unknown) => void): Sequence {
  let last: Promise<void> = Promise.resolve();
  const waiting = new Map<string, Promise<void>>();
  return {
    run(name, job) {
      const queued = waiting.get(name);
      if (queued !== undefined) return queued;
      const started = last.then(async () => {
        waiting.delete(name);
        try {
          await job();
        } catch (error) {
          onError(name, error);
        }
      });
      waiting.set(name, started);
      last = started;
      return started;
    },
    idle: () => last,
  };
}
