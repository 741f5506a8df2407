import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { FileError } from '../core/problem.ts';
import { isEmptyYaml } from '../core/yaml-file.ts';
import type { ControlFiles } from '../ports.ts';
import { readSettings, type SettingsRead, type SettingsSource } from './read.ts';
import type { Settings } from './settings.ts';

export type Booted =
  | {
      readonly ok: true;
      readonly settings: Settings;
      /** What would hold without a `server.yml`; the settings themselves where that would be refused. */
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
  for (;;) {
    const { look, settled } = files.sighting('server.yml', SETTLE_SECONDS);
    if (look.kind === 'absent')
      return absent.ok ? { ok: true, settings: absent.settings, absent: absent.settings } : absent;
    const read = look.kind === 'text' ? readSettings({ ...source, text: look.text }) : undefined;
    if (read?.ok && look.kind === 'text' && !isEmptyYaml(look.text)) return booted(read.settings, absent);
    if (settled) return lastValid(source, absent, { why: look.kind === 'unreadable' ? look.why : undefined, read });
    await delay(LOOK_AGAIN_MS);
  }
}

function booted(settings: Settings, absent: SettingsRead): Booted {
  return { ok: true, settings, absent: absent.ok ? absent.settings : settings };
}

interface Unusable {
  readonly why: string | undefined;
  readonly read: SettingsRead | undefined;
}

/** An invalid file does no harm where its last valid text is kept in the usual place; the desk finds it there. */
function lastValid(source: SettingsSource, absent: SettingsRead, { why, read }: Unusable): Booted {
  const kept = source.lastValid(absent.ok ? absent.settings.stateDir : join(source.base, 'var'));
  const before = kept === undefined ? undefined : readSettings({ ...source, text: kept });
  if (before?.ok) return booted(before.settings, absent);
  if (read !== undefined && !read.ok) return read;
  const found = why ?? 'an empty file (to mean the defaults, write {})';
  return { ok: false, errors: [{ file: 'server.yml', line: 1, key: '', expected: 'a readable text file', found }] };
}
