import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { discard } from './secrets.ts';

/** A directory of its own for one test, searched for secrets and removed when the test ends. */
export async function disposableDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'tagwave-test-'));
  onTestFinished(() => discard(directory));
  return directory;
}
