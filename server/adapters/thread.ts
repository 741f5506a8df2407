import { extname } from 'node:path';
import { MessageChannel, Worker } from 'node:worker_threads';
import type { Ask, Failure, FromThread, Jobs, ToThread } from './thread-messages.ts';

/** Work done apart, so that whoever waits for it holds up nobody else. */
export interface Thread<Work extends Jobs<Work>> {
  /**
   * Begins in the order asked. Rejects with what the job threw, or with `ThreadEnded`; after that the next call finds a new
   * thread.
   */
  ask<Name extends keyof Work & string>(
    name: Name,
    ...given: Parameters<Work[Name]>
  ): Promise<Awaited<ReturnType<Work[Name]>>>;
  /** Has the thread close what was opened for these calls, once those under way are answered. */
  close(): Promise<void>;
}

export interface ThreadOptions {
  /** That of a file of `server/threads`. */
  readonly name: string;
  /** The thread's file, where it is another one. */
  readonly file?: URL;
  /** What the thread's file is opened with, there and again in each thread that follows one that ended. */
  readonly setting: unknown;
  /** Errors that callers tell apart, by name: they come back as what they were. */
  readonly errors?: Readonly<Record<string, new (message: string) => Error>>;
}

/** The thread is gone, and with it what it was asked. */
export class ThreadEnded extends Error {
  override readonly name = 'ThreadEnded';

  constructor(name: string, why: string) {
    super(`the ${name} thread ended (${why}) before it had answered; the next request starts it again`);
  }
}

interface Pending {
  readonly resolve: (value: never) => void;
  readonly reject: (error: Error) => void;
  readonly revive: (failure: Failure) => Error;
}

/** One of a kind in a process, however many use it: starting one takes longer than most of what it is asked. */
interface Running {
  readonly worker: Worker;
  readonly pending: Map<number, Pending>;
  /** Those that it has opened. */
  readonly sessions: Set<number>;
}

const running = new Map<string, Running>();
let lastNumber = 0;

/** Starts nothing before the first call. A thread without work does not keep the process alive. */
export function openThread<Work extends Jobs<Work>>(options: ThreadOptions): Thread<Work> {
  const { name, setting } = options;
  const session = ++lastNumber;
  const revive = reviver(options.errors ?? {});

  function post(thread: Running, ask: Omit<Ask, 'id' | 'session'>): Promise<never> {
    const id = ++lastNumber;
    return new Promise((resolve, reject) => {
      if (!thread.sessions.has(session)) {
        thread.worker.postMessage({ kind: 'open', session, setting } satisfies ToThread);
        thread.sessions.add(session);
      }
      thread.worker.postMessage({ ...ask, id, session } satisfies ToThread);
      thread.pending.set(id, { resolve, reject, revive });
      thread.worker.ref();
    });
  }

  return {
    ask: (job, ...given) => post(running.get(name) ?? start(options), { kind: 'ask', job, given }),
    async close() {
      const thread = running.get(name);
      if (thread?.sessions.has(session) !== true) return;
      await post(thread, { kind: 'close', job: '', given: [] });
      thread.sessions.delete(session);
    },
  };
}

/** Resolves when a thread runs and has read all that it needs: from then on this process may give up the right to read it. */
export async function warmThread({ name, file }: Pick<ThreadOptions, 'name' | 'file'>): Promise<void> {
  const { worker } = running.get(name) ?? start({ name, ...(file === undefined ? {} : { file }) });
  const channel = new MessageChannel();
  await new Promise<void>((resolve, reject) => {
    worker.once('exit', () => reject(new ThreadEnded(name, 'it did not start')));
    channel.port1.once('message', resolve);
    worker.postMessage({ kind: 'ping', port: channel.port2 } satisfies ToThread, [channel.port2]);
  });
  channel.port1.close();
}

function start({ name, file }: Pick<ThreadOptions, 'name' | 'file'>): Running {
  const thread: Running = { worker: workerFor(file ?? fileOf(name)), pending: new Map(), sessions: new Set() };
  const { worker, pending } = thread;
  let why: string | undefined;
  worker.unref();
  worker.on('message', (message: FromThread) => {
    const call = pending.get(message.id);
    pending.delete(message.id);
    if (pending.size === 0) worker.unref();
    if (message.kind === 'answer') call?.resolve(message.value as never);
    else call?.reject(call.revive(message.failure));
  });
  worker.on('error', (error: NodeJS.ErrnoException) => {
    why = error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? 'out of memory' : error.message;
    if (running.get(name) === thread) running.delete(name);
  });
  worker.on('exit', (code) => {
    if (running.get(name) === thread) running.delete(name);
    for (const { reject } of pending.values()) reject(new ThreadEnded(name, why ?? `exit code ${code}`));
    pending.clear();
  });
  running.set(name, thread);
  return thread;
}

let bundled: URL | undefined;

/** From sources, that is in tests: a thread is ready in a tenth of the time where its file is bundled as it is shipped. */
export function useThreadsOf(directory: URL): void {
  bundled = directory;
}

/** Bundled, the threads' files lie in a folder beside this one; otherwise all are sources. */
function fileOf(name: string): URL {
  if (bundled !== undefined) return new URL(`${name}.mjs`, bundled);
  const extension = extname(import.meta.url);
  return new URL(`${extension === '.ts' ? '../threads' : './threads'}/${name}${extension}`, import.meta.url);
}

function workerFor(file: URL): Worker {
  if (!file.pathname.endsWith('.ts')) return new Worker(file, { resourceLimits: LIMITS });
  const [loader, source] = [import.meta.resolve('tsx/esm/api'), file.href].map((text) => JSON.stringify(text));
  const code = `import(${loader}).then(({ register }) => { register(); return import(${source}); })`;
  return new Worker(code, { eval: true, execArgv: [], resourceLimits: LIMITS });
}

/** What comes and goes with each call would else be left lying until it takes a hundred megabytes. */
const LIMITS = { maxYoungGenerationSizeMb: 16 };

function reviver(errors: NonNullable<ThreadOptions['errors']>): Pending['revive'] {
  return ({ name, message, stack, ...facts }) => {
    const Known = Object.hasOwn(errors, name) ? errors[name] : undefined;
    const error = Known === undefined ? Object.assign(new Error(message), { name, ...facts }) : new Known(message);
    if (stack !== undefined) error.stack = stack;
    return error;
  };
}
