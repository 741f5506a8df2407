import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { METRICS } from '../../server/core/metrics.ts';
import { VERSION } from '../../server/version.ts';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask } from '../stories/ask.ts';
import { say } from '../stories/reports.ts';
import { at, HOSTS, tagAt, train } from '../stories/train.ts';
import { metricsOf, shownValue } from './scrape.ts';

const QA = { wave: 'qa+1h', environment: 'qa' };

test('the version is that of package.json', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  expect(VERSION).toBe(version);
});

test('what is shown is in the table of what may be shown, with its help and type', async () => {
  const server = await train();
  const { text, type } = await metricsOf(server);
  expect(type).toBe('text/plain; version=0.0.4; charset=utf-8');
  const described = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)].map(([, name = '', kind = '']) => [name, kind]);
  expect(described.length).toBeGreaterThan(20);
  for (const [name, kind] of described)
    expect(METRICS).toHaveProperty(name ?? '', expect.objectContaining({ type: kind }));
  expect(shownValue(text, 'tagwave_build_info', { version: VERSION })).toBe(1);
});

test('nodes are counted by what they were told, what they reported, and whether they are silent or behind', async () => {
  const server = await train();
  const { digest } = await ask(server, HOSTS.qa);
  await ask(server, HOSTS.qa, { headers: { 'Tagwave-Running': digest } });
  await ask(server, 'qa2.example.org', { headers: { 'Tagwave-Running': `sha256:${'0'.repeat(64)}` } });
  expect(await say(server, HOSTS.qa, { outcome: 'applied' })).toBe(201);
  expect(await say(server, 'qa2.example.org', { outcome: 'failed' })).toBe(201);
  const { text } = await metricsOf(server);
  expect(shownValue(text, 'tagwave_nodes', { ...QA, outcome: 'serve' })).toBe(2);
  expect(shownValue(text, 'tagwave_nodes_behind', QA)).toBe(1);
  expect(shownValue(text, 'tagwave_nodes_silent', QA)).toBe(0);
  expect(shownValue(text, 'tagwave_nodes_reported', { ...QA, outcome: 'applied' })).toBe(1);
  expect(shownValue(text, 'tagwave_nodes_reported', { ...QA, outcome: 'failed' })).toBe(1);
  expect(shownValue(text, 'tagwave_reports_total', { wave: 'qa+1h', outcome: 'failed' })).toBe(1);
  expect(shownValue(text, 'tagwave_polls_total', { outcome: 'serve' })).toBe(5);
  server.clock.advance(61 * 60_000);
  const later = (await metricsOf(server)).text;
  expect(shownValue(later, 'tagwave_nodes_silent', QA)).toBe(2);
  expect(shownValue(later, 'tagwave_nodes_behind', QA)).toBe(0);
});

test('what nodes reported last is known after a restart', async () => {
  const server = await train();
  expect(await say(server, HOSTS.qa, { outcome: 'rolled-back' })).toBe(201);
  const { text } = await metricsOf(await server.restart());
  expect(shownValue(text, 'tagwave_nodes_reported', { ...QA, outcome: 'rolled-back' })).toBe(1);
});

test('a killswitch shows by environment, with who has been told', async () => {
  const server = await train();
  await ask(server, HOSTS.qa);
  await ask(server, HOSTS.dev);
  const before = (await metricsOf(server)).text;
  for (const environment of ['*', 'qa', 'production'])
    expect(shownValue(before, 'tagwave_killswitch', { environment })).toBe(0);
  await writeSettled(join(server.base, 'killswitch.d/qa'), 'stop\n');
  server.sweep();
  const stands = (await metricsOf(server)).text;
  expect(shownValue(stands, 'tagwave_killswitch', { environment: 'qa' })).toBe(1);
  expect(shownValue(stands, 'tagwave_killswitch', { environment: '*' })).toBe(0);
  expect(shownValue(stands, 'tagwave_killswitch_nodes', { environment: 'qa', state: 'untold' })).toBe(1);
  await ask(server, HOSTS.qa);
  const told = (await metricsOf(server)).text;
  expect(shownValue(told, 'tagwave_killswitch_nodes', { environment: 'qa', state: 'told' })).toBe(1);
  expect(shownValue(told, 'tagwave_nodes', { ...QA, outcome: 'killswitch' })).toBe(1);
  await writeSettled(join(server.base, 'killswitch.d/nowhere'), 'stop\n');
  server.sweep();
  expect(shownValue((await metricsOf(server)).text, 'tagwave_killswitch', { environment: '*' })).toBe(1);
});

test('the newest tag shows its age, and whether it was made late or stale', async () => {
  const server = await train();
  const { text } = await metricsOf(server);
  expect(shownValue(text, 'tagwave_newest_tag_age_seconds')).toBeGreaterThanOrEqual(1800);
  expect(shownValue(text, 'tagwave_newest_tag_age_seconds')).toBeLessThan(1900);
  expect(shownValue(text, 'tagwave_newest_tag_late')).toBe(0);
  await server.passTo(at('12:40'));
  const later = (await metricsOf(server)).text;
  expect(shownValue(later, 'tagwave_newest_tag_late')).toBe(1);
  expect(shownValue(later, 'tagwave_newest_tag_age_seconds')).toBeLessThan(2500);
  expect(shownValue(later, 'tagwave_tag_duration_seconds_count', { result: 'ok' })).toBeGreaterThan(0);
  expect(later).toMatch(/^tagwave_tags_made_total\{origin="late",stale="(true|false)"\} 1$/m);
});

test('a wave for which nothing is acceptable is held, and a problem is counted by its severity', async () => {
  const marks = [4, 5, 6, 7, 8, 9].map((hour) => `${tagAt(hour)} bad\n`).join('');
  const server = await train({ files: { tagstate: `${marks}nonsense bad\n` } });
  const { text } = await metricsOf(server);
  expect(shownValue(text, 'tagwave_wave_held', QA)).toBe(1);
  expect(shownValue(text, 'tagwave_wave_lag_seconds', QA)).toBe(3600);
  expect(shownValue(text, 'tagwave_wave_held', { wave: 'development+0h', environment: 'development' })).toBe(0);
  await until('the problem to be counted', async () => {
    const { text } = await metricsOf(server);
    return (['error', 'warning'] as const).some(
      (severity) => (shownValue(text, 'tagwave_problems', { source: 'control files', severity }) ?? 0) > 0,
    );
  });
});

test('requests are timed by the pattern of their route, never by what somebody asks for', async () => {
  const server = await train();
  for (const path of [
    '/v1/status',
    '/v1/tags',
    '/v1/nodes/nobody%00',
    '/nothing/here',
    '/v1/nodes/a.example.org/explain',
  ])
    await (await fetch(server.url + path)).arrayBuffer();
  const { text } = await metricsOf(server);
  const labels = (name: string) => [
    ...new Set([...text.matchAll(new RegExp(` *${name}="([^"]*)"`, 'g'))].map(([, value]) => value)),
  ];
  expect(labels('route')).toEqual(
    expect.arrayContaining(['/v1/status', '/v1/tags', 'none', '/v1/nodes/:hostname/explain']),
  );
  expect(labels('status').every((status) => /^[2345]xx$/.test(status ?? ''))).toBe(true);
  expect(text).not.toContain('a.example.org');
});

test('a larger fleet makes no more series', async () => {
  const server = await train();
  let round = 0;
  const moreNodes = async () => {
    round += 1;
    for (const kind of ['qa', 'web', 'dev', 'east'])
      for (let node = 0; node < 50; node++) await ask(server, `${kind}${round}x${node}.example.org`);
  };
  await moreNodes();
  // That it was asked shows from the second time on; what the server does by the clock shows when it is done first.
  await until('a fleet that grows without a new series', async () => {
    const before = (await metricsOf(server)).series;
    await moreNodes();
    return isDeepStrictEqual((await metricsOf(server)).series, before) || undefined;
  });
});
