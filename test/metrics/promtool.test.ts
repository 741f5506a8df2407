import { existsSync } from 'node:fs';
import { copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { METRICS } from '../../server/core/metrics.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask, askAll } from '../stories/ask.ts';
import { say } from '../stories/reports.ts';
import { HOSTS, type Train, train } from '../stories/train.ts';
import { metricsOf, shownValue } from './scrape.ts';

const ROOT = join(import.meta.dirname, '../..');
const PROMTOOL = ['/usr/bin/promtool', '/usr/local/bin/promtool'].find((path) => existsSync(path)) ?? '';
const describeWithPromtool = describe.skipIf(PROMTOOL === '');
const WHY = PROMTOOL === '' ? ' (skipped: there is no promtool; Debian has it in its package prometheus)' : '';

/** A server of which everything has something to say. */
async function busyServer(): Promise<Train> {
  const targets = [{ name: 'ops', url: 'http://127.0.0.1:1/nobody-listens', kinds: ['kill'] }];
  const server = await train({ env: { TAGWAVE_NOTIFY_TARGETS: JSON.stringify(targets) } });
  await askAll(server);
  expect(await say(server, HOSTS.qa, { outcome: 'failed' })).toBe(201);
  for (const path of ['/v1/status', '/nowhere']) await (await fetch(server.url + path)).arrayBuffer();
  await writeSettled(join(server.base, 'killswitch'), 'stop\n');
  server.sweep();
  await ask(server, HOSTS.qa);
  await server.passTo('2026-11-20T11:00:00Z');
  await until('an attempt to tell of it', async () =>
    shownValue((await metricsOf(server)).text, 'tagwave_notifications_total', { target: 'ops', result: 'failed' }),
  );
  return server;
}

describeWithPromtool(`promtool${WHY}`, () => {
  test('finds nothing wrong with what a running server shows', async () => {
    const { text } = await metricsOf(await busyServer());
    const checked = await execa(PROMTOOL, ['check', 'metrics'], { input: text, reject: false });
    expect(`${checked.stdout}${checked.stderr}`).toBe('');
    expect(checked.exitCode).toBe(0);
  });

  test('finds nothing wrong with the sample configuration and rules, and the rules speak up when they should', async () => {
    const directory = await disposableDirectory();
    const files = ['samples/prometheus.yml', 'samples/prometheus-rules.yml', 'test/metrics/prometheus-rules.test.yml'];
    for (const file of files) await copyFile(join(ROOT, file), join(directory, file.split('/').at(-1) ?? ''));
    const runs = [
      ['check', 'config', '--syntax-only', '--lint-fatal', 'prometheus.yml'],
      ['check', 'rules', '--lint=all', '--lint-fatal', 'prometheus-rules.yml'],
      ['test', 'rules', 'prometheus-rules.test.yml'],
    ];
    for (const args of runs) {
      const { all, exitCode } = await execa(PROMTOOL, args, { cwd: directory, reject: false, all: true });
      expect(exitCode, all).toBe(0);
      expect(all).toContain('SUCCESS');
    }
  });
});

const DERIVED = /_(bucket|sum|count)$/;
/** By Prometheus itself. */
const OTHERS = new Set(['up']);

/** The names of series in an expression: what is left without labels, functions and words of the language. */
function seriesIn(text: string): string[] {
  return [...text.matchAll(/\b(?:tagwave|process|up)\w*/g)].map(([name]) => name).filter((name) => name !== 'tagwave');
}

function expressionsIn(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(expressionsIn);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    key === 'expr' || key === 'query'
      ? typeof inner === 'string'
        ? [inner]
        : expressionsIn(inner)
      : expressionsIn(inner),
  );
}

test('the dashboard and the rules use only series that a running server shows, and every one that is described', async () => {
  const dashboard: unknown = JSON.parse(await readFile(join(ROOT, 'samples/grafana-dashboard.json'), 'utf8'));
  const rules = await readFile(join(ROOT, 'samples/prometheus-rules.yml'), 'utf8');
  const written = [...rules.matchAll(/^ +(?:expr: .*|[-> ] *sum by .*|> 0\.1 .*)$/gm)].map(([line]) => line);
  const used = new Set([...expressionsIn(dashboard), ...written].flatMap(seriesIn).filter((name) => !OTHERS.has(name)));
  const { series } = await metricsOf(await busyServer());
  const shown = new Set(series.map((one) => one.replace(/\{.*/, '')));
  expect(used.size).toBeGreaterThan(20);
  for (const name of used) expect(shown, name).toContain(name);
  const described = Object.keys(METRICS);
  const families = [...shown].map((name) => (described.includes(name) ? name : name.replace(DERIVED, '')));
  expect([...new Set(families)].sort()).toEqual(described.sort());
});
