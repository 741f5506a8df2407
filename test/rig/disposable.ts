import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A directory of its own for one test, removed when the test ends. */
export async function disposableDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  // What a server that was stopped still notes down may come in between.
  onTestFinished(() => rm(directory, { recursive: true, force: true, maxRetries: 10 }));
  return directory;
}
