import { readFileSync, statSync } from 'node:fs';
import { readUsual } from './config-usual.ts';
import type { Layer } from './merge.ts';

export type ConfigFile =
  | { readonly ok: true; readonly layer: Layer }
  | { readonly ok: false; readonly errors: readonly string[] };

const LIMIT_BYTES = 1024 * 1024;

/** Reads client.yml. A file that is missing is fine unless it was asked for by name. */
export async function readConfigFile(path: string, { required }: { readonly required: boolean }): Promise<ConfigFile> {
  let text: string;
  try {
    if (statSync(path).size > LIMIT_BYTES) return { ok: false, errors: [`${path}: expected at most 1 MiB`] };
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && !required) return { ok: true, layer: {} };
    return { ok: false, errors: [`${path}: cannot be read: ${code === 'ENOENT' ? 'there is no such file' : message}`] };
  }
  const usual = readUsual(path, text);
  return usual === undefined ? (await import('./config-text.ts')).parseConfig(path, text) : { ok: true, layer: usual };
}
