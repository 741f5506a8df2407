import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { openCourier } from '../../server/adapters/notify/courier.ts';
import { METRICS, type MetricShape } from '../../server/core/metrics.ts';
import { NOTIFICATION_KINDS, testNotification } from '../../server/core/notification.ts';
import { readSettings } from '../../server/settings/read.ts';
import { isSigned, receiver } from '../notify/receiver.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { until } from '../rig/until.ts';

const ROOT = join(import.meta.dirname, '../..');
const page = await readFile(join(ROOT, 'docs/monitoring.md'), 'utf8');
const SECRET = 'the-secret-of-both';

function blocks(language: string): string[] {
  return [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, text = '']) => text);
}

function read(text: string) {
  return readSettings({ base: '/etc/tagwave', env: {}, flags: {}, text });
}

/** A target, and a parcel for it, signed with a secret from a file. */
async function signing(url: string, { body = JSON.stringify(testNotification(0, 'alice')), at = Date.now() } = {}) {
  const file = join(await disposableDirectory(), 'secret');
  await writeFile(file, SECRET, { mode: 0o600 });
  const found = read(JSON.stringify({ notify: { targets: [{ name: 'it', url, secret_file: file }] } }));
  const target = found.ok ? found.settings.notify.targets[0] : undefined;
  if (target === undefined) throw new Error(JSON.stringify(found));
  return { target, parcel: { delivery: 'abc', body, at, timeoutMs: 10_000 } };
}

test('every series is in the table, as it is described to Prometheus', () => {
  const rows = (Object.entries(METRICS) as [string, MetricShape][]).map(
    ([name, { type, labels, help }]) =>
      `| \`${name}\` | ${type} | ${labels.map((label) => `\`${label}\``).join(', ')} | ${help} |`,
  );
  expect(page.match(/^\| `(?:tagwave|process)_.*$/gm)).toEqual(rows);
});

test('every alert is in the table, in the order of the sample', async () => {
  const rules = await readFile(join(ROOT, 'samples/prometheus-rules.yml'), 'utf8');
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  expect([...page.matchAll(/^\| `(Tagwave\w+)`/gm)].map(([, name]) => name)).toEqual(alerts);
});

test('every kind of notification is in the table, and the settings that are shown can be used', async () => {
  const [, table = ''] = /^\| kind \|.*\n\|.*\n((?:\|.*\n)+)/m.exec(page) ?? [];
  const kinds = table
    .split('\n')
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([\w-]+)`/g)].map(([, kind]) => kind));
  expect(kinds.sort()).toEqual([...NOTIFICATION_KINDS].sort());
  for (const text of blocks('yaml')) expect(read(text)).toMatchObject({ ok: true });
  const sample = await readFile(join(ROOT, 'samples/server.yml'), 'utf8');
  const [, shown = ''] = /such as\n((?: {2}# {3}.*\n)+)/.exec(sample) ?? [];
  const targets = `notify:\n  targets:\n${shown.replaceAll(/^ {2}# /gm, '  ')}`;
  expect(parse(targets).notify.targets).toHaveLength(2);
  expect(read(targets)).toMatchObject({
    ok: true,
    settings: { notify: { targets: [{ name: 'chat' }, { name: 'pager' }] } },
  });
});

test('what is sent has the fields that are shown, in their order', () => {
  const [shown = ''] = blocks('json');
  expect(Object.keys(JSON.parse(shown))).toEqual(Object.keys(testNotification(0, 'alice')));
});

describe('the receiver that is shown', () => {
  test('takes what the server signs, each once, and nothing that is forged or old', async () => {
    const [code = ''] = blocks('js');
    const file = join(await disposableDirectory(), 'receiver.mjs');
    await writeFile(file, code);
    const child = spawn(process.execPath, [file], { env: { RECEIVER_SECRET: SECRET, PORT: '0' } });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
    onTestFinished(async () => {
      child.kill('SIGKILL');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    });
    const port = await until('its port', () => /listening on (\d+)/.exec(said)?.[1]);
    const url = `http://127.0.0.1:${port}/`;
    const courier = openCourier();
    const { target, parcel } = await signing(url);
    for (const _ of [1, 2]) expect(await courier.send(target, parcel)).toEqual({ ok: true, status: 204 });
    expect(said.match(/notifications arrive here/g)).toHaveLength(1);
    const old = { ...parcel, at: Date.now() - 600_000 };
    expect(await courier.send(target, old)).toMatchObject({ ok: false, sentence: expect.stringContaining('401') });
    const forged = await fetch(url, {
      method: 'POST',
      body: parcel.body,
      headers: { 'Tagwave-Signature': 'sha256=00' },
    });
    expect(forged.status).toBe(401);
  });

  test('checks in a shell as it does in code', async () => {
    const one = await receiver();
    const { target, parcel } = await signing(one.url, { body: '{"summary":"ümlaut"}' });
    expect(await openCourier().send(target, parcel)).toMatchObject({ ok: true });
    const [taken] = one.taken;
    if (taken === undefined) throw new Error('nothing came');
    expect(isSigned(taken, SECRET)).toBe(true);
    const directory = await disposableDirectory();
    await writeFile(join(directory, 'body.json'), taken.body);
    const command = blocks('sh').at(-1) ?? '';
    const env = { TIMESTAMP: String(taken.headers['tagwave-timestamp']), SECRET };
    const { stdout } = await execa('sh', ['-c', command], { cwd: directory, env });
    expect(`sha256=${stdout}`).toBe(taken.headers['tagwave-signature']);
  });
});
