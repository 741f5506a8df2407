import type { Hostname, TagName } from '../../protocol/names.ts';
import {
  DEFAULT_DISABLE_FILE,
  DEFAULT_INTERVAL_MINUTES,
  DEFAULT_TARGET,
  DEFAULT_TIMEOUT_SECONDS,
  KEYS,
  type Key,
  type KeyName,
  type Settings,
} from './keys.ts';

/** Settings as one source gives them, before they are understood. `where` names the source in errors. */
export type Layer = Partial<Record<KeyName, { readonly texts: readonly string[]; readonly where: string }>>;

type Values = ReadonlyMap<KeyName, readonly (string | number | boolean | URL)[]>;

export type Merged =
  | { readonly ok: true; readonly settings: Settings }
  | { readonly ok: false; readonly errors: readonly string[] };

/** The first layer that has a key wins; all errors of all layers are told at once. */
export function mergeSettings(layers: readonly Layer[]): Merged {
  const errors: string[] = [];
  const values = new Map<KeyName, readonly (string | number | boolean | URL)[]>();
  for (const key of KEYS) {
    for (const layer of layers) {
      const parsed = parseKey(key, layer, errors);
      if (parsed !== undefined && !values.has(key.name)) values.set(key.name, parsed);
    }
  }
  const settings = settingsOf(values);
  if (settings.detailedExitcode && !settings.dryRun)
    errors.push('--detailed-exitcode: only means something with --dry-run');
  if ((settings.cert === undefined) !== (settings.key === undefined))
    errors.push('--cert and --key: a certificate takes its key, and a key its certificate');
  return errors.length > 0 ? { ok: false, errors } : { ok: true, settings };
}

function parseKey(key: Key, layer: Layer, errors: string[]): (string | number | boolean | URL)[] | undefined {
  const given = layer[key.name];
  if (given === undefined) return undefined;
  return given.texts.flatMap((text) => {
    const value = key.parse(text);
    if (value === undefined) errors.push(`${given.where}: expected ${key.expected}, found ${JSON.stringify(text)}`);
    return value === undefined ? [] : [value];
  });
}

function settingsOf(values: Values): Settings {
  const first = (name: KeyName): string | number | boolean | URL | undefined => values.get(name)?.[0];
  const text = (name: KeyName): string | undefined => {
    const value = first(name);
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: KeyName, otherwise: number): number => {
    const value = first(name);
    return typeof value === 'number' ? value : otherwise;
  };
  const isOn = (name: KeyName): boolean => first(name) === true;
  return {
    servers: (values.get('server') ?? []).filter((value) => value instanceof URL),
    hostname: text('hostname') as Hostname | undefined,
    target: text('target') ?? DEFAULT_TARGET,
    root: text('root'),
    disableFile: text('disable-file') ?? DEFAULT_DISABLE_FILE,
    tag: text('tag') as TagName | 'trunk' | undefined,
    splaySeconds: values.has('splay') ? number('splay', 0) : undefined,
    intervalMinutes: number('interval', DEFAULT_INTERVAL_MINUTES),
    timeoutSeconds: number('timeout', DEFAULT_TIMEOUT_SECONDS),
    tokenFile: text('token-file'),
    ca: text('ca'),
    cert: text('cert'),
    key: text('key'),
    rotateDays: number('rotate-days', 0),
    facts: (values.get('fact') ?? []).filter((value) => typeof value === 'string'),
    verify: isOn('verify'),
    dryRun: isOn('dry-run'),
    detailedExitcode: isOn('detailed-exitcode'),
    verbose: isOn('verbose'),
    json: isOn('json'),
  };
}
