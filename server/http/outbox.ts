import type { ServerResponse } from 'node:http';

/** Who asked first need not wait for hundreds. */
const MOST_WAITING = 64;

interface Letter {
  readonly response: ServerResponse;
  readonly body: string | Buffer | null;
}

let letters: Letter[] = [];

/**
 * Ends an answer whose head is written as soon as everything that has arrived by now was read. For answers to polls, which are
 * short and come in flocks: each that goes out by itself wakes a client on this machine that has gone to sleep after the last
 * one, which costs more than all the rest of the answer.
 */
export function endSoon(response: ServerResponse, body: string | Buffer | null): void {
  if (letters.push({ response, body }) === 1) setImmediate(sendWaiting);
  if (letters.length >= MOST_WAITING) sendWaiting();
}

/** Lets nobody wait any longer: to be called before anything happens to connections. */
export function sendWaiting(): void {
  const waiting = letters;
  letters = [];
  for (const letter of waiting) end(letter);
}

/** What is wrong with one answer costs nobody else theirs. */
function end({ response, body }: Letter): void {
  try {
    if (body === null) response.end();
    else response.end(body);
  } catch (error) {
    response.destroy(error instanceof Error ? error : undefined);
  }
}
