import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { compose } from '../../server/compose.ts';
import type { EventKind } from '../../server/core/event.ts';
import { startNotifying } from '../../server/operations/notify.ts';
import { movableClock } from '../rig/clock.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { quiet } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { receiver } from './receiver.ts';

/** What a server has, with nothing that runs by itself but the notifications. */
async function telling(url: string) {
  const base = join(await disposableDirectory(), 'base');
  const clock = movableClock('2026-11-20T10:30:00Z');
  const env = {
    TAGWAVE_STATE_DIR: join(base, 'var'),
    TAGWAVE_NOTIFY_TARGETS: JSON.stringify([{ name: 'ops', url, kinds: ['mark'] }]),
  };
  const composed = await compose({ base, env, flags: {}, role: 'server', log: quiet, clock });
  if (!composed.ok) throw new Error(JSON.stringify(composed.errors));
  const { context, close } = composed.app;
  const notifying = startNotifying(context);
  onTestFinished(async () => {
    await notifying.stop();
    await close();
  });
  await until('the beginning', async () => {
    context.desk.look();
    await notifying.look();
    return context.outbox.cursor() ?? undefined;
  });
  const happened = (kind: EventKind): Promise<unknown> =>
    context.store.addEvents([
      {
        at: clock.now(),
        kind,
        by: 'test',
        from: null,
        subject: 'x',
        before: null,
        after: null,
        why: null,
        summary: 'x',
      },
    ]);
  /** What begins now sees all that happened. */
  const look = async (): Promise<void> => {
    await notifying.look();
    await notifying.look();
  };
  return { context, clock, happened, look };
}

test('the disk is not waited for because of what nobody is to be told, but now and then', async () => {
  const ops = await receiver();
  const { context, clock, happened, look } = await telling(ops.url);
  const begun = context.outbox.cursor();
  for (let poll = 0; poll < 3; poll++) {
    await happened('assignment');
    await look();
  }
  expect(context.outbox.cursor()).toEqual(begun);
  clock.advance(60_000);
  await happened('assignment');
  await look();
  const kept = context.outbox.cursor();
  expect(kept?.id).toBe((begun?.id ?? 0) + 4);
  await happened('assignment');
  await happened('mark');
  await look();
  expect(context.outbox.cursor()?.id).toBe((kept?.id ?? 0) + 2);
  await ops.heard('mark');
  expect(ops.taken).toHaveLength(1);
});

test('what waits is told although the history cannot be read any more', async () => {
  const ops = await receiver();
  ops.answer(500);
  const { context, clock, happened, look } = await telling(ops.url);
  await happened('mark');
  await look();
  await until('a failure', () => (context.outbox.first('ops')?.failures ?? 0) > 0 || undefined);
  await context.store.close();
  ops.answer(200);
  clock.advance(60_000);
  await look();
  await ops.heard('mark');
  expect(context.problems.standing().map(({ id }) => id)).toContain('notify:queue');
});
