import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { openThread, ThreadEnded, warmThread } from '../../server/adapters/thread.ts';
import { UnfitContent } from '../../server/ports/content.ts';
import type { Trial, TrialSetting } from '../rig/trial-thread.ts';

const TRIAL = { name: 'trial', file: new URL('../rig/trial-thread.ts', import.meta.url) };

function trial(setting: TrialSetting = { name: 'Ada' }) {
  return openThread<Trial>({ ...TRIAL, setting, errors: { UnfitContent } });
}

it('a thread answers what it is asked, with what it was opened with', async () => {
  const [ada, bob] = [trial(), trial({ name: 'Bob' })];
  expect(await Promise.all([ada.ask('greet', 'Eve'), bob.ask('greet', 'Eve')])).toEqual([
    'Ada greets Eve',
    'Bob greets Eve',
  ]);
  expect(await ada.ask('sum', Buffer.from([1, 2, 3]))).toBe(6);
});

it('calls begin in the order in which they were asked, and one that waits holds up no other', async () => {
  const thread = trial();
  const held = thread.ask('hold');
  const words = Array.from({ length: 50 }, (_, index) => String(index));
  await Promise.all(words.map((word) => thread.ask('note', word)));
  expect(await thread.ask('noted')).toEqual(words);
  await thread.ask('release');
  expect(await held).toBe('held');
});

it('errors come back as what they were', async () => {
  const thread = trial();
  const unfit = await thread.ask('unfit').catch((error: unknown) => error);
  expect(unfit).toBeInstanceOf(UnfitContent);
  expect(unfit).toMatchObject({ name: 'UnfitContent', message: 'a path is not UTF-8' });
  await expect(thread.ask('full')).rejects.toMatchObject({ code: 'ENOSPC', syscall: 'write', path: '/x' });
  await expect(thread.ask('functions')).rejects.toThrow('could not be cloned');
  await expect(thread.ask('greet', (() => 'Eve') as unknown as string)).rejects.toThrow('could not be cloned');
  expect(await thread.ask('greet', 'Eve')).toBe('Ada greets Eve');
});

it('what cannot be opened says so to everybody who asks', async () => {
  const thread = trial({ name: 'Ada', refuse: 'no such directory' });
  await expect(thread.ask('greet', 'Eve')).rejects.toThrow('no such directory');
  await expect(thread.ask('noted')).rejects.toThrow('no such directory');
});

it.each([
  ['crash', 'a defect'],
  ['end', 'exit code 7'],
] as const)(
  'a thread that ends (%s) fails all that it was asked, and the next call has a new one',
  async (how, why) => {
    const [thread, other] = [trial(), trial({ name: 'Bob' })];
    await other.ask('note', 'known');
    const pending = [thread.ask('hold'), other.ask('hold'), thread.ask(how)];
    for (const result of await Promise.allSettled(pending)) {
      expect(result.status === 'rejected' && result.reason).toBeInstanceOf(ThreadEnded);
      expect(result.status === 'rejected' && result.reason.message).toContain(`the trial thread ended (${why})`);
    }
    expect(await thread.ask('greet', 'Eve')).toBe('Ada greets Eve');
    // What was in its memory is gone.
    expect(await other.ask('noted')).toEqual([]);
  },
);

it('a thread that runs out of memory fails what it was asked and leaves the process alone', async () => {
  const script = `
    import { openThread } from ${JSON.stringify(new URL('../../server/adapters/thread.ts', import.meta.url).href)};
    const thread = openThread({ name: 'trial', file: new URL(${JSON.stringify(TRIAL.file.href)}), setting: { name: 'Ada' } });
    console.log(await thread.ask('eat').catch((error) => error.message));
    console.log(await thread.ask('greet', 'Eve'));`;
  const args = ['--max-old-space-size=64', '--import', 'tsx', '--input-type=module', '--eval', script];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout.split('\n')).toEqual([
    'the trial thread ended (out of memory) before it had answered; the next request starts it again',
    'Ada greets Eve',
    // The thread is still there and did not keep the process from ending.
    '',
  ]);
});

it('closing waits for what is under way; what is opened again begins anew', async () => {
  const thread = trial();
  await thread.ask('note', 'first');
  const held = thread.ask('hold');
  const closed = thread.close();
  const other = trial();
  await other.ask('greet', 'Eve');
  expect(await Promise.race([closed.then(() => 'closed'), other.ask('greet', 'Eve')])).toBe('Ada greets Eve');
  await thread.ask('release');
  await Promise.all([held, closed]);
  expect(await thread.ask('noted')).toEqual([]);
});

it('a thread can be started before anybody asks', async () => {
  await warmThread(TRIAL);
  expect(await trial().ask('greet', 'Eve')).toBe('Ada greets Eve');
});
