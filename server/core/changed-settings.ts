import { parse } from 'yaml';

/**
 * The dotted keys that differ between two texts of `server.yml`, in alphabetical order; undefined where one of them is no
 * mapping.
 */
export function changedSettings(before: string | null, after: string | null): string[] | undefined {
  const [old, now] = [settingsIn(before), settingsIn(after)];
  if (old === undefined || now === undefined) return undefined;
  return [...new Set([...old.keys(), ...now.keys()])].filter((key) => old.get(key) !== now.get(key)).sort();
}

function settingsIn(text: string | null): Map<string, string> | undefined {
  const found = new Map<string, string>();
  const collect = (value: unknown, path: string): void => {
    if (isMapping(value))
      for (const [key, inner] of Object.entries(value)) collect(inner, path === '' ? key : `${path}.${key}`);
    else if (path !== '') found.set(path, JSON.stringify(value) ?? '');
  };
  try {
    const read: unknown = parse(text ?? '');
    if (read !== null && read !== undefined && !isMapping(read)) return undefined;
    collect(read, '');
    return found;
  } catch {
    return undefined;
  }
}

function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
