import type { ChildProcess } from 'node:child_process';
import { hear } from './messages.ts';

/** A process of this server as its supervisor sees it. */
export interface Part<To, From extends { readonly kind: string }> {
  /** `head`, `door 2` */
  readonly name: string;
  readonly pid: number | undefined;
  /** Kept until it says that it is loaded: before that, nobody listens. */
  send(message: To): void;
  /** The first message of one of these kinds; undefined where the process ends without one. */
  heard<Kind extends From['kind']>(...kinds: readonly Kind[]): Promise<Extract<From, { kind: Kind }> | undefined>;
  readonly ended: Promise<Ended>;
  /** It may end, and is not missed. */
  dismiss(): void;
  isDismissed(): boolean;
  /** Ends it as a power cut would. */
  kill(): void;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** How long it lived. */
  readonly milliseconds: number;
}

export function partOf<To extends object, From extends { readonly kind: string }>(
  name: string,
  child: ChildProcess,
): Part<To, From> {
  const began = performance.now();
  const said: From[] = [];
  const listeners = new Set<() => void>();
  const kept: To[] = [];
  let isLoaded = false;
  let dismissed = false;
  const send = (message: To): void => {
    // Who has ended hears nothing any more, which is told by its end.
    if (child.connected) child.send(message, () => undefined);
  };
  hear<From>(child, (message) => {
    if (message.kind === 'loaded') {
      isLoaded = true;
      for (const waiting of kept.splice(0)) send(waiting);
    }
    said.push(message);
    for (const listener of listeners) listener();
  });
  const ended = new Promise<Ended>((resolve) => {
    const end = (code: number | null, signal: NodeJS.Signals | null): void =>
      resolve({ code, signal, milliseconds: performance.now() - began });
    child.once('exit', end);
    // It could not be started at all.
    child.on('error', () => {
      if (child.pid === undefined) end(null, null);
    });
  });
  return {
    name,
    pid: child.pid,
    send(message) {
      if (isLoaded) send(message);
      else kept.push(message);
    },
    heard(...kinds) {
      const isMeant = (message: From): message is Extract<From, { kind: (typeof kinds)[number] }> =>
        kinds.some((kind) => kind === message.kind);
      return new Promise((resolve) => {
        const look = (): void => {
          const index = said.findIndex(isMeant);
          if (index < 0) return;
          const [message] = said.splice(index, 1);
          listeners.delete(look);
          if (message !== undefined && isMeant(message)) resolve(message);
        };
        listeners.add(look);
        look();
        void ended.then(() => {
          listeners.delete(look);
          resolve(undefined);
        });
      });
    },
    ended,
    dismiss() {
      dismissed = true;
    },
    isDismissed: () => dismissed,
    kill() {
      child.kill('SIGKILL');
    },
  };
}
