import { setTimeout as delay } from 'node:timers/promises';
import type { FileError } from '../core/problem.ts';
import type { ControlFiles } from '../ports.ts';
import { readSettings, type SettingsSource } from './read.ts';
import type { Settings } from './settings.ts';

export type Booted =
  | {
      readonly ok: true;
      readonly settings: Settings;
      /** What would hold without a `server.yml`. */
      readonly absent: Settings;
    }
  | { readonly ok: false; readonly errors: readonly FileError[] };

const SETTLE_SECONDS = 2;
const LOOK_AGAIN_MS = 50;

/**
 * The settings to start with: where the state directory is must be known before the last valid texts in it can be. Waits for
 * a `server.yml` that is being written.
 */
export async function bootSettings(source: SettingsSource, files: ControlFiles): Promise<Booted> {
  const absent = readSettings({ ...source, text: null });
  if (!absent.ok) return absent;
  for (;;) {
    const { look, settled } = files.sighting('server.yml', SETTLE_SECONDS);
    if (look.kind === 'absent') return { ok: true, settings: absent.settings, absent: absent.settings };
    const read = look.kind === 'text' ? readSettings({ ...source, text: look.text }) : undefined;
    if (read?.ok && look.kind === 'text' && look.text.trim() !== '')
      return { ok: true, settings: read.settings, absent: absent.settings };
    if (settled) return lastValid(source, absent.settings, look.kind === 'unreadable' ? look.why : undefined, read);
    await delay(LOOK_AGAIN_MS);
  }
}

/** An invalid file does no harm where its last valid text is kept in the usual place; the desk finds it there. */
function lastValid(
  source: SettingsSource,
  absent: Settings,
  why: string | undefined,
  read: ReturnType<typeof readSettings> | undefined,
): Booted {
  const kept = source.lastValid(absent.stateDir);
  const before = kept === undefined ? undefined : readSettings({ ...source, text: kept });
  if (before?.ok) return { ok: true, settings: before.settings, absent };
  if (read !== undefined && !read.ok) return read;
  const found = why ?? 'an empty file (to mean the defaults, write {})';
  return { ok: false, errors: [{ file: 'server.yml', line: 1, key: '', expected: 'a readable text file', found }] };
}
