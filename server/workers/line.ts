import { EventEmitter, once } from 'node:events';

/** A door's line to the head: where it is, and whether it may be asked now. */
export interface Line {
  /** The head's socket as soon as it may be asked; undefined where that took until the deadline, or nobody waits any more. */
  ready(waiting: Waiting): Promise<string | undefined>;
  /** Nothing more is sent until there is a head again. Settles when what was sent is answered. */
  hold(): Promise<void>;
  go(socket: string): void;
  /** Something was sent whose answer does not take long. Call what it returns when it is answered. */
  begin(): () => void;
}

export interface Waiting {
  /** Milliseconds of `performance.now()`. */
  readonly deadline: number;
  readonly over: AbortSignal;
}

/** A client that sends its question slowly must not keep everybody else waiting for the next head. */
const MOST_PATIENCE_MS = 3_000;

export function openLine(first: string): Line {
  let socket: string | undefined = first;
  let underWay = 0;
  const said = new EventEmitter();
  said.setMaxListeners(0);
  return {
    async ready({ deadline, over }) {
      while (socket === undefined) {
        const left = deadline - performance.now();
        if (left <= 0 || over.aborted) return undefined;
        const signal = AbortSignal.any([over, AbortSignal.timeout(Math.ceil(left))]);
        await once(said, 'go', { signal }).catch(() => undefined);
      }
      return socket;
    },
    async hold() {
      socket = undefined;
      if (underWay === 0) return;
      await once(said, 'answered', { signal: AbortSignal.timeout(MOST_PATIENCE_MS) }).catch(() => undefined);
    },
    go(path) {
      socket = path;
      said.emit('go');
    },
    begin() {
      underWay++;
      let isOver = false;
      return () => {
        if (isOver) return;
        isOver = true;
        underWay--;
        if (underWay === 0) said.emit('answered');
      };
    },
  };
}
