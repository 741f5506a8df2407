import type { WakeSignal } from '../adapters/wake-signal.ts';

/** Why a wait ended before what was waited for. */
export type Interruption = 'stop' | 'wake' | 'due';

/** A wait that ends when it is to stop, when somebody wants a run, or when one is due. */
export interface Patience {
  readonly signal: AbortSignal;
  /** Undefined while it goes on. */
  interruption(): Interruption | undefined;
  /** Nobody waits any more. */
  end(): void;
}

export interface Reasons {
  readonly stop: AbortSignal;
  readonly wake: WakeSignal;
  readonly dueMs: number;
  /** Asked every second; true where a run is due for another reason than time. */
  readonly isDue?: () => boolean;
}

const LOOK_EVERY_MS = 1000;

export function openPatience({ stop, wake, dueMs, isDue }: Reasons): Patience {
  const controller = new AbortController();
  let interruption: Interruption | undefined;
  const interrupt = (why: Interruption) => (): void => {
    interruption ??= why;
    controller.abort();
  };
  const stopped = interrupt('stop');
  const woken = (): void => {
    wake.take();
    interrupt('wake')();
  };
  const timer = setTimeout(interrupt('due'), Math.max(0, dueMs));
  const looking = setInterval(() => {
    if (isDue?.() === true) interrupt('due')();
  }, LOOK_EVERY_MS);
  stop.addEventListener('abort', stopped, { once: true });
  const deafen = wake.onWake(woken);
  if (stop.aborted) stopped();
  else if (wake.isWanted()) woken();
  return {
    signal: controller.signal,
    interruption: () => interruption,
    end() {
      clearTimeout(timer);
      clearInterval(looking);
      stop.removeEventListener('abort', stopped);
      deafen();
    },
  };
}
