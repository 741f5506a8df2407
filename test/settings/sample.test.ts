import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { flagOf, variableOf } from '../../server/settings/overrides.ts';
import { readSettings } from '../../server/settings/read.ts';
import { SETTING_KEYS } from '../../server/settings/schema.ts';

const sample = await readFile(new URL('../../samples/server.yml', import.meta.url), 'utf8');
const read = (text: string | null) => readSettings({ base: '/etc/tagwave', text, env: {}, flags: {} });

function keysOf(value: unknown): string[] {
  return Object.entries(Object(value)).flatMap(([key, inner]) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? keysOf(inner).map((rest) => `${key}.${rest}`)
      : [key],
  );
}

describe('samples/server.yml', () => {
  test('is valid, and its values are the defaults', () => {
    expect(read(sample)).toEqual(read(null));
    expect(read(sample).ok).toBe(true);
  });

  test('lists every setting, in the order of the program, those without a default behind a #', () => {
    const whole: unknown = parse(sample.replace(/^( *)#(?=\w+: )/gm, '$1'));
    expect(keysOf(whole)).toEqual(SETTING_KEYS);
  });

  test('shows settings behind a # as they can be used', () => {
    const hidden = [...sample.matchAll(/^ *#(\w+): (.*)$/gm)].map(([, key, value]) => ({ key, value }));
    expect(hidden.map(({ key }) => key)).toEqual([
      'nodetagger',
      'nodegrouper',
      'url',
      'branch',
      'directory',
      'update',
      'token_file',
      'ssh_key_file',
      'ssh_known_hosts_file',
      'allowed_signers',
      'nodes',
      'cert',
      'key',
      'client_ca',
      'client_crl',
      'issuer',
      'client_id',
      'client_secret_file',
      'ca',
      'local_reads',
      'public_url',
    ]);
    const used = (keys: string) => read(sample.replace(new RegExp(`^( *)#(?=(${keys}): )`, 'gm'), '$1'));
    expect(used('nodetagger|nodegrouper|url|branch|nodes|cert|key')).toMatchObject({
      ok: true,
      settings: {
        nodetagger: { kind: 'schedule' },
        nodegrouper: { kind: 'none' },
        auth: { nodes: 'tokens', joining: 'join-token' },
        tls: { cert: '/etc/tagwave/tls/cert.pem', clientCa: null },
        http: { localReads: false },
        repo: { source: { kind: 'url', branch: 'main' } },
      },
    });
    expect(used('directory|update')).toMatchObject({
      ok: true,
      settings: { repo: { source: { kind: 'directory', path: '/etc/tagwave/trunk' } } },
    });
  });

  test('shows how people log in', () => {
    const shown = sample.replace(/^( *)#(?=(issuer|client_id|client_secret_file|public_url): )/gm, '$1');
    expect(read(shown.replace('admins: []', 'admins: [fleet-admins]'))).toMatchObject({
      ok: true,
      settings: { oidc: { clientId: 'tagwave', admins: ['fleet-admins'], publicUrl: 'https://tagwave.example.com' } },
    });
  });

  test('gives a reason above every setting', () => {
    const lines = sample.split('\n');
    const bare = lines.filter((line, index) => /^ *#?\w+: ./.test(line) && !/^ *# /.test(lines[index - 1] ?? ''));
    expect(bare).toEqual([]);
  });
});

test('every setting has a variable and a flag of its own', () => {
  expect(new Set(SETTING_KEYS.map(variableOf)).size).toBe(SETTING_KEYS.length);
  expect(new Set(SETTING_KEYS.map(flagOf)).size).toBe(SETTING_KEYS.length);
  expect(variableOf('snapshot.retention_hours')).toBe('TAGWAVE_SNAPSHOT_RETENTION_HOURS');
});
