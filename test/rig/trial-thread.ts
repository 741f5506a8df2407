import { serveThread } from '../../server/adapters/thread-side.ts';
import { UnfitContent } from '../../server/ports/content.ts';

export interface TrialSetting {
  readonly name: string;
  /** Refuses to open with this message. */
  readonly refuse?: string;
}

/** A thread that does what tests need, and fails in every way that there is. */
export function openTrial({ name, refuse }: TrialSetting) {
  if (refuse !== undefined) throw new Error(refuse);
  const order: string[] = [];
  let release = (): void => undefined;
  return {
    greet: (whom: string) => `${name} greets ${whom}`,
    note: (text: string) => {
      order.push(text);
    },
    noted: () => [...order],
    sum: async (bytes: Uint8Array) => bytes.reduce((total, byte) => total + byte, 0),
    hold: () =>
      new Promise<string>((resolve) => {
        release = () => resolve('held');
      }),
    release: () => release(),
    unfit: () => {
      throw new UnfitContent('a path is not UTF-8');
    },
    full: () => {
      throw Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write', path: '/x' });
    },
    functions: () => () => 'cannot be copied',
    crash: () => {
      setImmediate(() => {
        throw new Error('a defect');
      });
      return new Promise<void>(() => undefined);
    },
    end: () => process.exit(7),
    eat: () => {
      const all: unknown[] = [];
      for (;;) all.push(Array.from({ length: 1000 }, (_, index) => ({ index })));
    },
    close: () => {
      order.push('closed');
    },
  };
}

export type Trial = ReturnType<typeof openTrial>;

serveThread(openTrial);
