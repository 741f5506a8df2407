import { setTimeout as delay } from 'node:timers/promises';
import type { FileError } from '../core/problem.ts';
import type { Look } from '../core/settle.ts';
import { isEmptyYaml } from '../core/yaml-file.ts';
import type { ControlFiles } from '../ports/files.ts';
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
const LOOK_AGAIN_MS = 20;

/**
 * The settings to start with: where the state directory is must be known before the last valid texts in it can be. Waits for
 * a `server.yml` that may be in the middle of being written; what is opened once is opened by it.
 */
export async function bootSettings(source: SettingsSource, files: ControlFiles): Promise<Booted> {
  const absent = readSettings({ ...source, text: null });
  const seconds = absent.ok ? absent.settings.settleSeconds : SETTLE_SECONDS;
  for (;;) {
    const { look, settled } = files.sighting('server.yml', seconds);
    const read = look.kind === 'text' && !isEmptyYaml(look.text) ? readSettings({ ...source, text: look.text }) : null;
    if (look.kind === 'text' && read?.ok && (settled || look.text === source.lastValid(read.settings.stateDir)))
      return booted(read.settings, absent);
    if (settled) return lastValid(source, absent, { look, read });
    await delay(LOOK_AGAIN_MS);
  }
}

function booted(settings: Settings, absent: SettingsRead): Booted {
  return { ok: true, settings, absent: absent.ok ? absent.settings : settings };
}

interface Unusable {
  readonly look: Look;
  /** Null for a file that is not there, is empty, or cannot be read. */
  readonly read: SettingsRead | null;
}

/** A file that is invalid or gone does no harm where its last valid text is kept; the desk finds it in the same place. */
function lastValid(source: SettingsSource, absent: SettingsRead, { look, read }: Unusable): Booted {
  const kept = source.lastValid(stateDirBy(source, look) ?? stateDirOf(absent) ?? '');
  const before = kept === undefined ? undefined : readSettings({ ...source, text: kept });
  if (before?.ok) return booted(before.settings, absent);
  if (look.kind === 'absent') return absent.ok ? booted(absent.settings, absent) : absent;
  if (read !== null && !read.ok) return read;
  const found = look.kind === 'unreadable' ? look.why : 'an empty file (to mean the defaults, write {})';
  return { ok: false, errors: [{ file: 'server.yml', line: 1, key: '', expected: 'a readable text file', found }] };
}

const STATE_DIR = /^state_dir:[ \t]+(["']?)([^"'#\r\n]+?)\1[ \t]*(?:#.*)?$/m;

/** Where an invalid file says that the state is: its mistakes are most likely elsewhere. */
function stateDirBy(source: SettingsSource, look: Look): string | undefined {
  const written = look.kind === 'text' ? STATE_DIR.exec(look.text)?.[2] : undefined;
  if (written === undefined) return undefined;
  return stateDirOf(readSettings({ ...source, text: `state_dir: ${JSON.stringify(written)}\n` }));
}

function stateDirOf(read: SettingsRead): string | undefined {
  return read.ok ? read.settings.stateDir : undefined;
}
