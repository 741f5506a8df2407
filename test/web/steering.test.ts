import { describe, expect, test } from 'vitest';
import { type Change, progressWords, type ShownStop, stopsNow } from '../../server/web/kill/stops.ts';
import { marksOf, orderIn, requestsOf } from '../../server/web/mark/order.ts';
import { patchLines } from '../../server/web/patch.ts';
import { eventReader } from '../../server/web/sse.ts';

const EIGHT = 'etchautotag-20261120-0800';
const NINE = 'etchautotag-20261120-0900';

describe('an order to mark', () => {
  test('stands in the URL', () => {
    const order = orderIn({ mark: `${NINE},${EIGHT},${NINE}`, state: 'bad', env: 'qa,staging', reason: 'broke ntp' });
    expect(order).toEqual({ tags: [EIGHT, NINE], state: 'bad', environments: ['qa', 'staging'], reason: 'broke ntp' });
    expect(orderIn({ mark: EIGHT, state: 'dreadful' })).toMatchObject({ state: null, environments: [] });
  });

  test('proposes nothing before a mark is chosen', () => {
    expect(marksOf(orderIn({ mark: EIGHT }))).toBeNull();
    expect(marksOf(orderIn({ mark: EIGHT, state: 'good', env: 'qa' }))).toEqual([
      { tag: EIGHT, state: 'good', environments: ['qa'] },
    ]);
  });

  test('is one request a tag, with the reason', () => {
    const requests = requestsOf(orderIn({ mark: `${EIGHT},${NINE}`, state: 'badfwd', reason: ' adds a file ' }));
    expect(requests.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['PUT', `v1/tags/${EIGHT}/mark`, { state: 'badfwd', reason: 'adds a file' }],
      ['PUT', `v1/tags/${NINE}/mark`, { state: 'badfwd', reason: 'adds a file' }],
    ]);
  });

  test('that takes a mark away says for whom and why in its query', () => {
    const [request] = requestsOf(orderIn({ mark: EIGHT, state: 'none', env: 'qa', reason: 'fixed & well' }));
    expect(request).toMatchObject({
      method: 'DELETE',
      path: `v1/tags/${EIGHT}/mark?environments=qa&reason=fixed+%26+well`,
    });
  });
});

describe('killswitches', () => {
  const listed = {
    environment: 'production',
    stopsAll: false,
    message: 'ntp',
    version: 'v1',
    told: 412,
    silent: ['web1'],
    silentCount: 18,
  };
  const pulled: ShownStop = { environment: null, message: 'all', version: 'v2', progress: null, since: null, by: null };
  const at = (change: Omit<Change, 'at'>): Change => ({ ...change, at: 100 });

  test('one that was pulled here shows before the server has listed it', () => {
    const stops = stopsNow([listed], [], { asOf: 50, changes: [at({ environment: null, stop: pulled })] });
    expect(stops.map(({ environment }) => environment)).toEqual([null, 'production']);
  });

  test('one that was released here is gone before the server has said so, and what it says later counts', () => {
    const changes = [at({ environment: 'production', stop: null })];
    expect(stopsNow([listed], [], { asOf: 50, changes })).toEqual([]);
    expect(stopsNow([listed], [], { asOf: 150, changes })).toHaveLength(1);
  });

  test('how far one has come is said in one line', () => {
    const [stop] = stopsNow([listed], [], { asOf: 0, changes: [] });
    expect(stop?.progress && progressWords({ ...stop.progress, slowestSeconds: 37.6 })).toBe(
      '412 of 430 told, slowest 38 s',
    );
    expect(progressWords({ nodes: 5000, told: 0, slowestSeconds: null, silent: [] })).toBe('0 of 5,000 told');
  });
});

describe('server-sent events', () => {
  test('are whole however they are cut', () => {
    const text = ': hi\n\nevent: hello\ndata: {"a":1}\n\nevent: changed\r\ndata: x\r\ndata: y\r\n\r\ndata: z\n\n';
    for (let size = 1; size < text.length; size++) {
      const read = eventReader();
      const pieces = text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? [];
      expect(pieces.flatMap(read)).toEqual([
        { event: 'hello', data: '{"a":1}' },
        { event: 'changed', data: 'x\ny' },
        { event: 'message', data: 'z' },
      ]);
    }
  });
});

test('a patch is lines with their numbers, whatever they begin with', () => {
  const patch =
    'diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -3,2 +3,2 @@ part\n same\n--- a list\n+++ more\n\\ No newline at end of file\n';
  expect(patchLines(patch)).toEqual([
    { kind: 'hunk', text: '@@ -3,2 +3,2 @@ part', before: null, after: null },
    { kind: 'same', text: 'same', before: 3, after: 3 },
    { kind: 'removed', text: '-- a list', before: 4, after: null },
    { kind: 'added', text: '++ more', before: null, after: 4 },
    { kind: 'note', text: 'No newline at end of file', before: null, after: null },
  ]);
});
