/** Whoever asks for what is already under way gets that one's outcome, good or bad. */
export function singleFlight<Result>(): (key: string, act: () => Promise<Result>) => Promise<Result> {
  const underWay = new Map<string, Promise<Result>>();
  return (key, act) => {
    const running = underWay.get(key);
    if (running) return running;
    const started = act().finally(() => underWay.delete(key));
    underWay.set(key, started);
    return started;
  };
}
