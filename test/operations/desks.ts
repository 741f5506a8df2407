import { rmSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { watchControlFiles } from '../../server/adapters/files/control-files.ts';
import { stateFiles } from '../../server/adapters/files/state-files.ts';
import { type Controls, type Desk, openDesk } from '../../server/operations/desk.ts';
import type { ControlChange } from '../../server/operations/held.ts';
import { readSettings } from '../../server/settings/read.ts';
import { settingsRules } from '../../server/settings/rules.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { type StillClock, stillClock } from '../rig/still-clock.ts';

export interface TestDesk {
  readonly base: string;
  readonly stateDir: string;
  readonly clock: StillClock;
  /** Looks although the last look is still fresh. */
  readonly desk: Desk;
  /** Looks as the server does. */
  readonly served: Desk;
  /** Everything that took effect so far, oldest first. */
  readonly changes: ControlChange[];
  /** Why what is in effect could not be kept, as it was told. */
  readonly troubles: (string | null)[];
  /** What is in effect; fails where that is not known. */
  controls(): Controls;
  write(file: string, text: string | Uint8Array): void;
  remove(file: string): void;
  /** So much time passes that every file settles. */
  settle(): void;
  /** A server that is started anew on the same directories. */
  restart(): TestDesk;
}

const SETTLE_MS = 2_001;

/** A desk on real files, which are old when it is opened. Its clock moves only when it is told to. */
export async function testDesk(files: Readonly<Record<string, string | Uint8Array>> = {}): Promise<TestDesk> {
  const root = await disposableDirectory();
  const [base, stateDir] = [join(root, 'base'), join(root, 'state')];
  await mkdir(base);
  await mkdir(stateDir);
  for (const [file, text] of Object.entries(files)) {
    writeFileSync(join(base, file), text);
    age(join(base, file));
  }
  age(base);
  return open(base, stateDir);
}

function age(path: string): void {
  const then = new Date(Date.now() - 60_000);
  utimesSync(path, then, then);
}

function open(base: string, stateDir: string): TestDesk {
  const clock = stillClock();
  const source = { base, env: {}, flags: {}, lastValid: () => undefined };
  const absent = readSettings({ ...source, text: null });
  if (!absent.ok) throw new Error('the defaults are valid');
  const changes: ControlChange[] = [];
  const troubles: (string | null)[] = [];
  const desk = openDesk({
    files: watchControlFiles(base, clock),
    state: stateFiles(stateDir),
    settings: settingsRules(source, absent.settings),
    monotonic: clock.monotonic,
    onChange: (change) => changes.push(change),
    onStateTrouble: (reason) => troubles.push(reason),
  });
  const look = () => {
    // The last look is no longer fresh.
    clock.advance(16);
    return desk.look();
  };
  return {
    base,
    stateDir,
    clock,
    desk: { ...desk, look },
    served: desk,
    changes,
    troubles,
    controls() {
      const state = look();
      if (state.kind !== 'ready') throw new Error(`it is ${JSON.stringify(state)}`);
      return state.controls;
    },
    write: (file, text) => writeFileSync(join(base, file), text),
    remove: (file) => rmSync(join(base, file), { recursive: true, force: true }),
    settle() {
      look();
      clock.advance(SETTLE_MS);
      look();
    },
    restart() {
      // A base that was touched this moment may be in the middle of an edit.
      age(base);
      return open(base, stateDir);
    },
  };
}
