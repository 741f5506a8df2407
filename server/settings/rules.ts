import type { FileRules } from '../core/settle.ts';
import { isEmptyYaml } from '../core/yaml-file.ts';
import { readSettings, type SettingsSource } from './read.ts';
import type { Settings } from './settings.ts';

/** `server.yml` as a control file: it settles, and keeps its last meaning, like the others. `absent` are the settings without it. */
export function settingsRules(source: SettingsSource, absent: Settings): FileRules<Settings> {
  return {
    file: 'server.yml',
    absent,
    parse(text) {
      const read = readSettings({ ...source, text });
      return read.ok ? { ok: true, value: read.settings } : { ok: false, errors: read.errors };
    },
    isEmpty: isEmptyYaml,
    howToClear: 'to mean the defaults, write {}',
  };
}
