import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 30_000;
/** A machine that stands still for a while has not let anybody wait: no single question counts for more. */
const MOST_OF_ONE_MS = 1_000;

/** Asks again and again until the answer is there; fails after half a minute of asking, naming what was waited for. */
export async function until<Value>(
  what: string,
  ask: () => Value | undefined | Promise<Value | undefined>,
): Promise<Value> {
  let waited = 0;
  let slowest = 0;
  for (let asked = 1; ; asked += 1) {
    const start = performance.now();
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    await delay(10);
    const took = performance.now() - start;
    slowest = Math.max(slowest, took);
    waited += Math.min(took, MOST_OF_ONE_MS);
    if (waited > PATIENCE_MS)
      throw new Error(`waited in vain for ${what}: asked ${asked} times, ${Math.round(slowest)} ms the slowest`);
  }
}
