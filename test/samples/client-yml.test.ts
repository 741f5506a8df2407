import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { parseConfig } from '../../client/settings/config-text.ts';
import { DEFAULT_WATCH_SPLAY_SECONDS, KEYS } from '../../client/settings/keys.ts';
import { mergeSettings } from '../../client/settings/merge.ts';

const sample = await readFile(new URL('../../samples/client.yml', import.meta.url), 'utf8');
/** With the settings that are absent by default. */
const whole = sample.replace(/^#(?=[\w-]+: )/gm, '');

async function settingsOf(text: string) {
  const file = parseConfig('client.yml', text);
  if (!file.ok) throw new Error(file.errors.join('\n'));
  return mergeSettings([file.layer]);
}

describe('samples/client.yml', () => {
  test('is valid, and its values are the defaults', async () => {
    expect(await settingsOf(sample)).toEqual(mergeSettings([]));
  });

  test('lists every setting, in the order of the help, those without a default behind a #', () => {
    expect(Object.keys(parse(whole) as object)).toEqual(KEYS.map(({ name }) => name));
  });

  test('shows settings behind a # as they can be used', async () => {
    expect(await settingsOf(whole)).toMatchObject({
      ok: true,
      settings: {
        servers: [new URL('http://tagwave.example.com:8420/')],
        hostname: 'web1.example.com',
        root: '/',
        tag: 'trunk',
        splaySeconds: DEFAULT_WATCH_SPLAY_SECONDS,
        facts: ['site=berlin'],
      },
    });
  });

  test('gives a reason above every setting', () => {
    const lines = sample.split('\n');
    const bare = lines.filter((line, index) => /^#?[\w-]+: ./.test(line) && !/^# /.test(lines[index - 1] ?? ''));
    expect(bare).toEqual([]);
  });
});
