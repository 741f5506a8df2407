import type * as fs from 'node:fs';
import { constants } from 'node:fs';
import { type MessagePort, Worker } from 'node:worker_threads';

/** Creates many small files in a thread of its own, while this one reads, decompresses and compares. */
export interface WriteThread {
  /** Takes a copy of the content. The directory must be there, and the file must not. */
  write(path: string, permissions: number, content: Uint8Array): void;
  /** Resolves when there is room for more. Throws what the file system reported of a file before. */
  room(): Promise<void>;
  /** Resolves when all is written. Throws as `room` does. */
  finish(): Promise<void>;
  /** Ends the thread: after that nothing more is written. */
  close(): Promise<void>;
}

/** Files that are written together. Handing over few large things costs far less than many small ones. */
interface Batch {
  readonly flags: number;
  /** Separated by NUL. */
  readonly paths: string;
  /** Of each file its permissions, and where its content ends among the bytes. */
  readonly numbers: Uint32Array;
  readonly bytes: Uint8Array;
}

type Done = Pick<NodeJS.ErrnoException, 'code' | 'syscall' | 'path' | 'message'> | null;

const FLAGS = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const BATCH_BYTES = 256 * 1024;
const BATCH_FILES = 256;
/** So many batches wait to be written. */
const AHEAD = 16;

export function openWriteThread(): WriteThread {
  // From its own text: the client is one file, and the thread needs next to nothing of it.
  const code = `(${writeBatches})(require('node:fs'), require('node:worker_threads').parentPort)`;
  const worker = new Worker(code, { eval: true });
  let failure: unknown;
  let waiting = 0;
  let wake = (): void => undefined;
  let paths: string[] = [];
  let numbers: number[] = [];
  let bytes = Buffer.alloc(0);
  let used = 0;

  worker.on('message', (done: Done) => {
    waiting--;
    if (done !== null) failure ??= Object.assign(new Error(done.message), done);
    wake();
  });
  worker.on('error', (error) => {
    failure ??= error;
    wake();
  });

  const post = (): void => {
    if (paths.length === 0) return;
    const batch: Batch = { flags: FLAGS, paths: paths.join('\0'), numbers: Uint32Array.from(numbers), bytes };
    worker.postMessage(batch, [bytes.buffer]);
    waiting++;
    paths = [];
    numbers = [];
    bytes = Buffer.alloc(0);
    used = 0;
  };
  const untilWaiting = async (most: number): Promise<void> => {
    while (failure === undefined && waiting > most)
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    if (failure !== undefined) throw failure;
  };

  return {
    write(path, permissions, content) {
      if (used + content.length > bytes.length) post();
      // Not from the pool that small buffers share: what is handed over is gone here.
      if (paths.length === 0) bytes = Buffer.allocUnsafeSlow(Math.max(BATCH_BYTES, content.length));
      bytes.set(content, used);
      used += content.length;
      paths.push(path);
      numbers.push(permissions, used);
      if (paths.length === BATCH_FILES) post();
    },
    room: () => untilWaiting(AHEAD),
    async finish() {
      post();
      await untilWaiting(0);
    },
    async close() {
      await worker.terminate();
    },
  };
}

/** All that the other thread does. It knows nothing but its arguments. */
function writeBatches({ openSync, writeSync, closeSync }: typeof fs, port: MessagePort): void {
  port.on('message', ({ flags, paths, numbers, bytes }: Batch) => {
    try {
      let at = 0;
      for (const [index, path] of paths.split('\0').entries()) {
        const fd = openSync(path, flags, numbers[2 * index]);
        const end = numbers[2 * index + 1] ?? 0;
        try {
          while (at < end) at += writeSync(fd, bytes, at, end - at);
        } finally {
          closeSync(fd);
        }
      }
      port.postMessage(null);
    } catch (error) {
      const { code, syscall, path, message } = error as NodeJS.ErrnoException;
      port.postMessage({ code, syscall, path, message });
    }
  });
}
