import { type MessagePort, parentPort } from 'node:worker_threads';
import type { Ask, Failure, FromThread, ToThread } from './thread-messages.ts';

type Open = (setting: never) => object | Promise<object>;

interface Session {
  readonly jobs: Promise<object>;
  readonly underWay: Set<Promise<unknown>>;
}

/**
 * Answers, in a thread, what its process asks through `openThread`. `open` makes the jobs of one session from its setting, an
 * object of functions. At the session's end `stop` is called, if there is one, so that nobody waits long, and `close` after all
 * that was asked before.
 */
export function serveThread(open: Open): void {
  const sessions = new Map<number, Session>();
  const port = parentPort;
  if (port === null) throw new Error('this file is started as a thread only');

  async function act({ kind, session: number, job, given }: Ask): Promise<unknown> {
    const session = sessions.get(number);
    if (session === undefined) throw new Error('nothing was opened for this call');
    const jobs = await session.jobs;
    if (kind === 'close') return end(number, session, jobs);
    const wanted: unknown = Reflect.get(jobs, job);
    if (typeof wanted !== 'function') throw new Error(`this thread has no job "${job}"`);
    const running = Promise.resolve(wanted.apply(jobs, given));
    session.underWay.add(running);
    return running.finally(() => session.underWay.delete(running));
  }

  async function end(number: number, { underWay }: Session, jobs: object): Promise<void> {
    await callIn(jobs, 'stop');
    await Promise.allSettled(underWay);
    sessions.delete(number);
    await callIn(jobs, 'close');
  }

  port.on('message', (message: ToThread) => {
    if (message.kind === 'ping') return message.port.postMessage('pong');
    if (message.kind !== 'open') return void answer(port, message.id, () => act(message));
    const jobs = Promise.resolve().then(() => open(message.setting as never));
    // Whoever asks is told why.
    jobs.catch(() => undefined);
    sessions.set(message.session, { jobs, underWay: new Set() });
  });
}

async function callIn(jobs: object, name: string): Promise<void> {
  const job: unknown = Reflect.get(jobs, name);
  if (typeof job === 'function') await job.call(jobs);
}

/** A result that cannot be copied is a failure as any other, not the end of the thread. */
async function answer(port: MessagePort, id: number, act: () => Promise<unknown>): Promise<void> {
  try {
    port.postMessage({ kind: 'answer', id, value: await act() } satisfies FromThread);
  } catch (error) {
    port.postMessage({ kind: 'failure', id, failure: failureFrom(error) } satisfies FromThread);
  }
}

function failureFrom(error: unknown): Failure {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { name, message, stack } = error;
  const facts = ['code', 'syscall', 'path'].flatMap((key) => {
    const value: unknown = Reflect.get(error, key);
    return typeof value === 'string' ? [[key, value] as const] : [];
  });
  return { name, message, ...(stack === undefined ? {} : { stack }), ...Object.fromEntries(facts) };
}
