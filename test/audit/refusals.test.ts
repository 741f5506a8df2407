import { expect, test } from 'vitest';
import type { NewEvent } from '../../server/core/event.ts';
import { openRefusals, type Refusal } from '../../server/operations/refusals.ts';

function opened() {
  const events: NewEvent[] = [];
  let time = 0;
  const refusals = openRefusals({ now: () => time, monotonic: () => time, record: (event) => events.push(event) });
  return {
    refusals,
    events,
    /** Seconds pass, and each of them is looked at as the server does. */
    pass(seconds: number): void {
      for (let second = 0; second < seconds; second += 1) {
        time += 1000;
        refusals.flush();
      }
    },
  };
}

const from = (address: string): Refusal => ({
  code: 'unauthenticated',
  route: 'GET /v1/status',
  actor: { by: 'nobody', from: address },
});

test('the first refusal is recorded at once, and the others of that minute as one count', () => {
  const { refusals, events, pass } = opened();
  for (let time = 0; time < 500; time += 1) refusals.note(from('10.0.0.7'));
  expect(events).toMatchObject([
    { kind: 'refusal', by: 'nobody', from: '10.0.0.7', subject: 'GET /v1/status', after: 'unauthenticated' },
  ]);
  pass(61);
  expect(events.map(({ summary }) => summary)).toEqual([
    'GET /v1/status was refused: unauthenticated',
    expect.stringMatching(/^GET \/v1\/status was refused: unauthenticated, 499 more times within 6\d s$/),
  ]);
});

test('another address, route or reason is another one, and who was quiet for a minute is new', () => {
  const { refusals, events, pass } = opened();
  refusals.note(from('10.0.0.7'));
  refusals.note(from('10.0.0.8'));
  refusals.note({ ...from('10.0.0.7'), code: 'forbidden' });
  refusals.note({ ...from('10.0.0.7'), route: 'GET /v1/nodes' });
  expect(events).toHaveLength(4);
  pass(130);
  expect(events).toHaveLength(4);
  refusals.note(from('10.0.0.7'));
  expect(events).toHaveLength(5);
});

test('a million refusals from as many addresses are some hundred records, and none goes uncounted', () => {
  const { refusals, events, pass } = opened();
  for (let round = 0; round < 100; round += 1) {
    for (let number = 0; number < 10_000; number += 1) refusals.note(from(`2001:db8::${round}:${number}`));
    pass(10);
  }
  pass(200);
  expect(events.length).toBeLessThan(400);
  const counted = events.map(({ summary }) => Number(/(\d+) more/.exec(summary)?.[1] ?? 1));
  expect(counted.reduce((sum, count) => sum + count, 0)).toBe(1_000_000);
});
