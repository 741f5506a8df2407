/** So long after the last time that several asked at once more of them are expected. */
const CROWD_MS = 15;

/**
 * To be called for each request: whether it is one of many, of which several were lately read in the same turn of the event
 * loop. Whoever waits for an answer before asking on is never a crowd alone. `monotonic`: milliseconds since some start.
 */
export function openCrowd(monotonic: () => number): () => boolean {
  let isSecond = false;
  let until = Number.NEGATIVE_INFINITY;
  const turned = (): void => {
    isSecond = false;
  };
  return () => {
    const now = monotonic();
    if (isSecond) until = now + CROWD_MS;
    else setImmediate(turned);
    isSecond = true;
    return now < until;
  };
}
