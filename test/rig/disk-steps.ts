import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

/** The calls that change what is on the disk. What they do of their own counts as one step. */
const CHANGES = [
  'writeSync',
  'renameSync',
  'unlinkSync',
  'rmdirSync',
  'mkdirSync',
  'linkSync',
  'symlinkSync',
  'copyFileSync',
  'writeFileSync',
  'appendFileSync',
  'ftruncateSync',
  'truncateSync',
  'chmodSync',
  'fchmodSync',
  'chownSync',
  'fchownSync',
  'lchownSync',
  'utimesSync',
  'futimesSync',
  'lutimesSync',
] as const;

type Act = (...args: unknown[]) => unknown;
type Patched = Record<string, Act>;

export interface DiskSteps {
  /** How many there were so far. */
  count(): number;
  /** From here on nothing is counted or stopped. */
  restore(): void;
}

/**
 * Calls `before` in front of every call of this process that changes the disk, with its number, from 1. What `before` throws
 * happens in its place. With `syncs` those that make changes durable count too. Removing a directory with all that is in it counts as the steps that it takes.
 */
export function watchDisk(
  before: (step: number, name: string, path: unknown) => void,
  { syncs = false }: { readonly syncs?: boolean } = {},
): DiskSteps {
  const patched = fs as unknown as Patched;
  const originals = new Map<string, Act>();
  let steps = 0;
  const watch = (name: string, isChange: (args: readonly unknown[]) => boolean = () => true): void => {
    const original = patched[name] as Act;
    originals.set(name, original);
    patched[name] = (...args) => {
      if (isChange(args)) before(++steps, name, args[0]);
      return original(...args);
    };
  };
  for (const name of CHANGES) watch(name);
  if (syncs) watch('fsyncSync');
  watch('openSync', ([, flags]) => typeof flags === 'number' && (flags & fs.constants.O_CREAT) !== 0);
  originals.set('rmSync', fs.rmSync as unknown as Act);
  patched['rmSync'] = (path) => removeStepwise(String(path));
  syncBuiltinESMExports();
  return {
    count: () => steps,
    restore() {
      for (const [name, original] of originals) patched[name] = original;
      syncBuiltinESMExports();
    },
  };
}

/** As `rmSync` with `force` and `recursive`, by the watched calls. */
function removeStepwise(path: string): void {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) {
    for (const name of fs.readdirSync(path)) removeStepwise(join(path, name));
    fs.rmdirSync(path);
  } else if (stats !== undefined) fs.unlinkSync(path);
}
