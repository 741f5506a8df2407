/**
 * Settles, with nothing, on the first SIGTERM or SIGINT; a second one ends the process, after `last`. The listeners stay: a
 * library that cleans up after its child processes would else take it that nobody listens, and end us in the middle of stopping.
 */
export function stopSignal(last: () => void = () => undefined): Promise<undefined> {
  return new Promise((resolve) => {
    let isStopping = false;
    const stop = (): void => {
      if (isStopping) {
        last();
        process.exit(1);
      }
      isStopping = true;
      resolve(undefined);
    };
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, stop);
  });
}
