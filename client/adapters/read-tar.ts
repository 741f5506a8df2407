import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { extract, type Header } from 'tar-stream';
import { BadContent } from '../core/checklist.ts';

export type TarHeader = Pick<Header, 'name' | 'type' | 'size' | 'linkname'>;

/** Is told what a tar holds, in its order. What it throws ends the reading. */
export interface TarReceiver {
  begin(header: TarHeader): void;
  /** A piece of the content of the entry that was begun. It may be kept. */
  piece(bytes: Uint8Array): void;
  end(): void;
  /** Resolves when more can be taken. */
  room?(): Promise<void>;
}

export interface TarLimits {
  /** Bytes of the tar.gz. */
  readonly packed: number;
  /** Bytes of the tar. */
  readonly unpacked: number;
}

const CHUNK = 256 * 1024;
/** Decompression goes on, in a thread of its own, while so much waits to be written. */
const AHEAD = 4 * 1024 * 1024;
const GUNZIP = { chunkSize: CHUNK, readableHighWaterMark: AHEAD };

/**
 * Reads a tar.gz to its end. Without a promise or a stream of ours for each entry: most files are small, and there are
 * many. Throws `BadContent` for what is no sound tar.gz or larger than the limits, and whatever reading `archive` throws.
 */
export async function readTarGz(
  archive: AsyncIterable<Uint8Array>,
  limits: TarLimits,
  receiver: TarReceiver,
): Promise<void> {
  const tar = feedableTar(receiver);
  try {
    await pipeline(atMost(archive, limits.packed), createGunzip(GUNZIP), async (chunks: AsyncIterable<Uint8Array>) => {
      for await (const chunk of atMost(chunks, limits.unpacked)) await tar.feed(chunk);
      await tar.finish();
    });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw code.startsWith('Z_') ? unsound(error as Error) : error;
  } finally {
    tar.close();
  }
}

async function* atMost(chunks: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > limit) throw new BadContent(`it is larger than its manifest allows (${Math.ceil(limit)} bytes)`);
    yield chunk;
  }
}

function unsound({ message }: Error): BadContent {
  return new BadContent(`it is not a sound tar.gz: ${message}`);
}

/** The tar library, by its events. */
function feedableTar(receiver: TarReceiver) {
  const tar = extract();
  let failure: unknown;
  let isClosed = false;
  let wake = (): void => undefined;
  /** Where it throws, nothing more is read. */
  const guarded =
    <Value>(act: (value: Value) => void) =>
    (value: Value): void => {
      if (failure !== undefined) return;
      try {
        act(value);
      } catch (error) {
        failure = error;
        tar.destroy();
      }
    };
  // One after the other: what is the same for all is made once.
  let next = (): void => undefined;
  const begin = guarded((header: TarHeader) => receiver.begin(header));
  const piece = guarded((bytes: unknown) => receiver.piece(bytes as Uint8Array));
  const finish = guarded(() => receiver.end());
  const end = (): void => {
    finish(undefined);
    next();
  };
  tar.on('entry', (header, content, ready) => {
    next = ready;
    begin(header);
    content.on('data', piece);
    content.on('end', end);
    // What is wrong is told by the whole.
    content.on('error', ignore);
  });
  tar.on('drain', () => wake());
  tar.on('error', (error: Error) => {
    failure ??= unsound(error);
  });
  tar.on('close', () => {
    isClosed = true;
    wake();
  });
  const untilWoken = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  const check = (): void => {
    if (failure !== undefined) throw failure;
  };
  return {
    async feed(chunk: Uint8Array): Promise<void> {
      check();
      if (!tar.write(chunk) && !isClosed) await untilWoken();
      check();
      await receiver.room?.();
    },
    async finish(): Promise<void> {
      tar.end(null);
      while (!isClosed) await untilWoken();
      check();
    },
    close(): void {
      tar.destroy();
    },
  };
}

function ignore(): void {}
