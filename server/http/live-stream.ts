import type { ServerResponse } from 'node:http';
import type * as z from 'zod';
import type { helloSchema, Topic } from '../../protocol/api/train.ts';
import { plainJson } from '../core/plain-json.ts';
import { VERSION } from '../version.ts';
import type { Door } from './door.ts';

export interface LookingOn {
  readonly response: ServerResponse;
  /** Whether who looks on may still do so. */
  isWelcome(): boolean;
}

/** Proxies and clients take a silent connection for a dead one. */
const SIGN_MS = 15_000;
/** So often it is looked whether somebody may still look on. */
const LOOK_MS = 1_000;
/** Browsers come back by themselves after so long. */
const RETRY_MS = 1_000;

/**
 * Server-sent events: that the stream has begun, and then what is worth asking for again, until the client goes, has no right to
 * it any more, or the server stops.
 */
export async function* liveStream(
  { context, stopping }: Door,
  { response, isWelcome }: LookingOn,
): AsyncGenerator<string> {
  const topics = new Set<Topic>();
  let over = stopping.aborted || response.destroyed;
  let wake = (): void => undefined;
  const end = (): void => {
    over = true;
    wake();
  };
  const { begun, leave } = context.live.follow(context, (changed) => {
    for (const topic of changed) topics.add(topic);
    wake();
  });
  response.once('close', end);
  stopping.addEventListener('abort', end, { once: true });
  let signed = performance.now();
  try {
    if (!over) await Promise.race([begun, new Promise<void>((resolve) => (wake = resolve))]);
    if (over) return;
    yield `retry: ${RETRY_MS}\n${message('hello', hello())}`;
    while (!over && isWelcome()) {
      if (topics.size > 0) {
        const changed = [...topics];
        topics.clear();
        signed = performance.now();
        yield message('changed', { topics: changed });
      } else if (performance.now() - signed >= SIGN_MS) {
        signed = performance.now();
        yield ': nothing new\n\n';
      }
      if (topics.size > 0 || over) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, LOOK_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    leave();
    response.off('close', end);
    stopping.removeEventListener('abort', end);
  }
}

/** Who it is that speaks: another one after a restart. */
export function hello(): z.infer<typeof helloSchema> {
  return { version: VERSION, started: STARTED };
}

const STARTED = new Date(Date.now() - process.uptime() * 1000).toISOString();

function message(event: string, data: object): string {
  return `event: ${event}\ndata: ${plainJson(data)}\n\n`;
}
