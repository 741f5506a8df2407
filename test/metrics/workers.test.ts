import { expect, test } from 'vitest';
import { HOSTS, testBase, useBases } from '../cli/base.ts';
import { until } from '../rig/until.ts';
import { openDoorTo } from '../workers/doors.ts';
import { serveWorkers } from '../workers/serving-workers.ts';
import { metricsOf, shownValue } from './scrape.ts';

useBases();

test('polls are counted whichever process answers them, and any of them shows all of it', async () => {
  const { base } = await testBase();
  const server = await serveWorkers(base);
  const { url } = await openDoorTo(base);
  const ask = async (etag = ''): Promise<string> => {
    const answer = await fetch(`${url}/v1/nodes/${HOSTS.web}`, { headers: { 'If-None-Match': etag } });
    await answer.arrayBuffer();
    return answer.headers.get('etag') ?? '';
  };
  const before = shownValue((await metricsOf(server)).text, 'tagwave_polls_total', { outcome: 'serve' }) ?? 0;
  const etag = await ask();
  for (let asked = 0; asked < 50; asked++) await ask(etag);
  const shown = await until('all to be counted', async () => {
    const { text } = await metricsOf(server);
    return shownValue(text, 'tagwave_polls_total', { outcome: 'serve' }) === before + 51 ? text : undefined;
  });
  // Both of its own, and the one of this test.
  expect(shownValue(shown, 'tagwave_doors')).toBe(3);
  // Few of them were put to the process that decides: the doors answered.
  const requests = { route: '/v1/nodes/:hostname', status: '3xx' };
  expect(shownValue(shown, 'tagwave_http_request_duration_seconds_count', requests) ?? 0).toBeLessThan(50);
});
