import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { readSettings } from '../../server/settings/read.ts';

const sample = await readFile(new URL('../../samples/production.yml', import.meta.url), 'utf8');

test('samples/production.yml is valid, in less than 20 lines, and lets nobody do anything who has nothing to show', () => {
  expect(sample.trimEnd().split('\n').length).toBeLessThan(20);
  expect(readSettings({ base: '/etc/tagwave', text: sample, env: {}, flags: {} })).toMatchObject({
    ok: true,
    settings: {
      auth: { nodes: 'tokens', joining: 'join-token' },
      tls: { cert: '/etc/tagwave/tls/cert.pem', key: 'credential:tls-key' },
      http: { localReads: false, localChanges: false },
      repo: { signatures: { kind: 'ssh' } },
    },
  });
});

test('the README shows it as it is', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(sample);
});
