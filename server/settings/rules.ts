import type { Problem } from '../core/problem.ts';
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
      if (!read.ok) return { ok: false, errors: read.errors };
      return { ok: true, value: read.settings, problems: urlProblems(read.settings) };
    },
    isEmpty: isEmptyYaml,
    howToClear: 'to mean the defaults, write {}',
  };
}

/** What a URL holds is seen by all who may read the settings. */
function urlProblems({ repo: { source } }: Settings): Problem[] {
  if (source.kind !== 'url' || !URL.canParse(source.url) || new URL(source.url).password === '') return [];
  return [
    {
      id: 'secret:in-url:repo.url',
      severity: 'warning',
      sentence: 'server.yml: repo.url holds a password, for all to read who may read the settings',
      hint: 'write user:password into a file that only the server may read, name it in repo.token_file, and take it out of repo.url',
      file: 'server.yml',
    },
  ];
}
