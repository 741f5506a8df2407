import { cp, mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Database from 'better-sqlite3';
import { onTestFinished } from 'vitest';
import { openStore } from '../../server/adapters/sqlite/store.ts';
import type { ChainLook } from '../../server/core/chain.ts';
import type { EventKind } from '../../server/core/event.ts';
import type { Store } from '../../server/ports/store.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { event } from './sample.ts';

/** A store in a directory of its own, closed when the test ends. */
export async function openHistory(file?: string): Promise<{ file: string; store: Store }> {
  const path = file ?? join(await disposableDirectory(), 'history.sqlite');
  const store = await openStore(path);
  onTestFinished(() => store.close());
  return { file: path, store };
}

/** A closed history with these kinds of events, one after the other. Whoever asks for it removes its directory. */
export async function historyOf(kinds: readonly EventKind[]): Promise<string> {
  const file = join(await mkdtemp(join(tmpdir(), 'tagwave-test-')), 'history.sqlite');
  const store = await openStore(file);
  for (const [number, kind] of kinds.entries()) await store.addEvents([event(number, kind)]);
  await store.close();
  return file;
}

export async function copyOf(file: string): Promise<string> {
  const directory = join(await disposableDirectory(), 'copy');
  await cp(dirname(file), directory, { recursive: true });
  return join(directory, 'history.sqlite');
}

/** What somebody does who can write the file. */
export function tamper(file: string, work: (database: Database.Database) => void): void {
  const database = new Database(file);
  try {
    work(database);
  } finally {
    database.close();
  }
}

export async function lookAt(file: string, expected?: string): Promise<ChainLook> {
  const store = await openStore(file);
  try {
    return await store.lookAtChain(expected);
  } finally {
    await store.close();
  }
}
