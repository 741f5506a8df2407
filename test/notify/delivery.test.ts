import { existsSync, rmSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask, change, problem, problems } from '../stories/ask.ts';
import { say } from '../stories/reports.ts';
import { at, HOSTS, type Train, tagAt, train } from '../stories/train.ts';
import { isSigned, receiver } from './receiver.ts';

const SECRET = 'a-secret-of-the-receiver';
const PUBLIC = 'https://tagwave.example.com/train';

interface Telling {
  readonly targets: readonly object[];
  readonly env?: Readonly<Record<string, string>>;
}

function telling({ targets, env = {} }: Telling): Promise<Train> {
  return train({
    env: { TAGWAVE_NOTIFY_TARGETS: JSON.stringify(targets), TAGWAVE_HTTP_PUBLIC_URL: PUBLIC, ...env },
  });
}

async function secretFile(text: string): Promise<string> {
  const file = join(await disposableDirectory(), 'secret');
  await writeFile(file, `${text}\n`);
  await chmod(file, 0o600);
  return file;
}

/** As an operator would, over HTTP. */
function mark(server: Train, hour: number, state: string, reason: string): Promise<number> {
  return change(server, `/v1/tags/${tagAt(hour)}/mark`, { method: 'PUT', body: { state, reason } });
}

describe('what is told', () => {
  test('a mark, a killswitch and its end are told of, signed, with who did it, why, and where the page shows it', async () => {
    const ops = await receiver();
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, secret_file: await secretFile(SECRET) }] });
    expect(await mark(server, 9, 'bad', 'broke ntp')).toBe(200);
    expect(await ops.heard('mark')).toMatchObject({
      kind: 'mark',
      summary: `${tagAt(9)} bad: broke ntp`,
      subject: tagAt(9),
      environments: null,
      url: `${PUBLIC}/#/tags/${tagAt(9)}`,
    });
    await writeSettled(join(server.base, 'killswitch.d/production'), 'the database is on fire\n');
    // It may be seen before its words are in it.
    const stopped = await until('the message', () =>
      ops.notifications().find(({ kind, summary }) => kind === 'kill' && summary.includes('fire')),
    );
    expect(stopped).toMatchObject({
      summary: 'killswitch: production is stopped: the database is on fire',
      environments: ['production'],
      url: `${PUBLIC}/#/`,
    });
    rmSync(join(server.base, 'killswitch.d/production'));
    expect(await ops.heard('resume')).toMatchObject({
      summary: 'killswitch: production goes on',
      environments: ['production'],
    });
    for (const received of ops.taken) expect(isSigned(received, SECRET)).toBe(true);
    expect(new Set(ops.taken.map(({ delivery }) => delivery)).size).toBe(ops.taken.length);
    expect(ops.taken.every((received) => !isSigned(received, 'another secret'))).toBe(true);
  });

  test('problems are told of when they are raised and when they are gone, those that are bad enough', async () => {
    const [ops, pager] = [await receiver(), await receiver()];
    const kinds = ['problem-raised', 'problem-cleared'];
    const server = await telling({
      targets: [
        { name: 'ops', url: ops.url, kinds },
        { name: 'pager', url: pager.url, kinds, min_severity: 'error' },
      ],
    });
    const problem = { id: 'of:this-test', sentence: 'something is wrong', hint: 'mend it' };
    server.app.context.problems.set('this test', [{ ...problem, severity: 'warning' }]);
    expect(await ops.heard('problem-raised', problem.id)).toMatchObject({
      summary: 'something is wrong',
      severity: 'warning',
      url: `${PUBLIC}/#/problems`,
    });
    server.app.context.problems.set('this test', []);
    expect(await ops.heard('problem-cleared', problem.id)).toMatchObject({ severity: 'warning' });
    server.app.context.problems.set('this test', [{ ...problem, id: 'of:this-test:error', severity: 'error' }]);
    await pager.heard('problem-raised', 'of:this-test:error');
    expect(pager.notifications().filter(({ subject }) => subject === problem.id)).toEqual([]);
  });

  test('a failure spike is told of once, when so many nodes of a wave have failed with a tag within the time', async () => {
    const ops = await receiver();
    const kinds = ['failure-spike'];
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, kinds }] });
    const hosts = ['qa1', 'qa2', 'qa3', 'qa4'].map((name) => `${name}.example.org`);
    for (const host of hosts) await ask(server, host);
    const fail = (host = '') => say(server, host, { outcome: 'failed', tag: tagAt(9) });
    await fail(hosts[0]);
    server.clock.advance(16 * 60_000);
    await fail(hosts[1]);
    await fail(hosts[2]);
    expect(await server.app.context.store.events({ kinds: ['failure-spike'], limit: 9 })).toEqual([]);
    await fail(hosts[3]);
    expect(await ops.heard('failure-spike')).toMatchObject({
      summary: `3 of 4 in qa failed with ${tagAt(9)} within 15 minutes`,
      subject: tagAt(9),
      wave: 'qa+1h',
      environments: ['qa'],
      why: 'qa2.example.org, qa3.example.org, qa4.example.org',
    });
    await fail(hosts[0]);
    expect(await server.app.context.store.events({ kinds: ['failure-spike'], limit: 9 })).toHaveLength(1);
  });

  test('a wave has arrived when all its nodes, but for the silent and the pinned, run another commit than before', async () => {
    const ops = await receiver();
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, kinds: ['wave-arrived'] }] });
    await writeSettled(join(server.base, 'pins'), `qa3.example.org ${tagAt(6)}\n`);
    server.settle();
    const [one, two, pinned] = ['qa1.example.org', 'qa2.example.org', 'qa3.example.org'] as const;
    const run = async (host: string): Promise<void> => {
      const { digest } = await ask(server, host);
      await ask(server, host, { headers: { 'Tagwave-Running': digest } });
    };
    await run(pinned);
    await ask(server, two);
    await run(one);
    await run(two);
    const first = await ops.heard('wave-arrived', 'qa+1h');
    expect(first).toMatchObject({
      summary: `all of qa+1h (2 nodes) runs ${tagAt(9)}: Change for 9:00`,
      after: tagAt(9),
      wave: 'qa+1h',
      environments: ['qa'],
      url: `${PUBLIC}/#/nodes?wave=qa%2B1h`,
    });
    await server.passTo(at('11:00'));
    await run(one);
    await run(two);
    await until('the next tag', () => ops.notifications().find(({ after }) => after === tagAt(10)));
    expect(ops.notifications().map(({ before, after }) => [before, after])).toEqual([
      [null, tagAt(9)],
      [tagAt(9), tagAt(10)],
    ]);
    // Nothing was committed since: the tags of 11:00 and 12:00 are the same, which is no news.
    await server.passTo(at('13:00'));
    await run(one);
    await run(two);
    expect(await server.app.context.store.events({ kinds: ['wave-arrived'], subject: 'qa+1h', limit: 9 })).toHaveLength(
      2,
    );
  });

  test('each is told what it asks for: kinds, environments, waves', async () => {
    const [all, qa, marks] = [await receiver(), await receiver(), await receiver()];
    const server = await telling({
      targets: [
        { name: 'all', url: all.url },
        { name: 'qa', url: qa.url, kinds: ['kill', 'mark'], environments: ['qa'] },
        { name: 'marks', url: marks.url, kinds: ['mark'] },
      ],
    });
    await mkdir(join(server.base, 'killswitch.d'), { recursive: true });
    await writeFile(join(server.base, 'killswitch.d/staging'), 'not for qa\n');
    await all.heard('kill');
    await writeFile(join(server.base, 'tagstate'), `${tagAt(8)} bad:qa only there\n`);
    server.settle();
    await marks.heard('mark');
    expect(await qa.heard('mark')).toMatchObject({ environments: ['qa'], summary: `${tagAt(8)} bad:qa: only there` });
    expect(qa.notifications().map(({ kind }) => kind)).toEqual(['mark']);
    expect(marks.notifications().map(({ kind }) => kind)).toEqual(['mark']);
  });

  test('what understands Slack is told by a text, without marks of its own in it', async () => {
    const chat = await receiver();
    const server = await telling({
      targets: [{ name: 'chat', url_file: await secretFile(chat.url), format: 'slack', kinds: ['mark'] }],
    });
    expect(await mark(server, 9, 'bad', 'a <b> & c')).toBe(200);
    const { body, headers } = await until('the text', () => chat.taken[0]);
    const { text } = JSON.parse(body);
    expect(text).toMatch(
      new RegExp(`^\\*mark\\* ${tagAt(9)} bad: a &lt;b&gt; &amp; c \\(.*\\).* <${PUBLIC}/#/tags/${tagAt(9)}\\|show>$`),
    );
    expect(headers['tagwave-signature']).toBeUndefined();
  });
});

describe('how it is delivered', () => {
  test('in the order in which it happened, each as often as it takes, with longer and longer pauses between', async () => {
    const ops = await receiver();
    ops.answer(503);
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, kinds: ['mark'] }] });
    const { outbox, time } = server.app.context;
    for (const hour of [7, 8, 9]) expect(await mark(server, hour, 'bad', `number ${hour}`)).toBe(200);
    const pauses: number[] = [];
    for (let failures = 1; failures <= 5; failures++) {
      const letter = await until(`failure ${failures}`, () => {
        const first = outbox.first('ops');
        return first?.failures === failures ? first : undefined;
      });
      pauses.push(letter.nextAt - time.now());
      server.clock.advance(letter.nextAt - time.now());
    }
    expect(pauses.filter((pause, index) => pause > 2 ** index * 1000)).toEqual([]);
    expect(pauses[4]).toBeGreaterThan(4_000);
    expect(await problem(server, 'notify:failing:ops')).toContain('answered 503');
    ops.answer(204);
    server.clock.advance(60_000);
    await until('all to be there', () => ops.taken.length === 3);
    expect(ops.notifications().map(({ summary }) => summary.slice(-1))).toEqual(['7', '8', '9']);
    expect(new Set(ops.all.slice(0, 5).map(({ delivery }) => delivery)).size).toBe(1);
    await until('the problem to be gone', async () =>
      (await problems(server)).every(({ id }) => id !== 'notify:failing:ops'),
    );
  });

  test('one that hangs, cuts off or leads elsewhere keeps nobody else waiting, and is not followed', async () => {
    const [ops, elsewhere, hanging, cutting, leading] = [
      await receiver(),
      await receiver(),
      await receiver(),
      await receiver(),
      await receiver(),
    ];
    hanging.answer('hang');
    cutting.answer('cut');
    leading.answer({ status: 307, headers: { Location: elsewhere.url } });
    const targets = Object.entries({ ops, hanging, cutting, leading }).map(([name, { url }]) => ({
      name,
      url,
      kinds: ['mark'],
    }));
    const server = await telling({ targets, env: { TAGWAVE_NOTIFY_TIMEOUT_SECONDS: '1' } });
    expect(await mark(server, 9, 'bad', 'for all')).toBe(200);
    await ops.heard('mark');
    const why = (name: string) =>
      until(`what is wrong with ${name}`, () => server.app.context.outbox.first(name)?.lastError ?? undefined);
    expect(await why('hanging')).toContain('no answer within 1 s');
    expect(await why('cutting')).toContain('socket hang up');
    expect(await why('leading')).toMatch(
      /^http:\/\/127\.0\.0\.1:\d+ answered 307, and nothing is sent where it leads$/,
    );
    expect(elsewhere.all).toEqual([]);
  });

  test('a target that cannot be reached is a problem for the others, never for itself', async () => {
    const [ops, broken] = [await receiver(), await receiver()];
    broken.answer(500);
    const server = await telling({
      targets: [
        { name: 'ops', url: ops.url },
        { name: 'broken', url: broken.url },
      ],
    });
    expect(await mark(server, 9, 'bad', 'for both')).toBe(200);
    await until('three failures', async () => {
      server.clock.advance(10_000);
      return (await problems(server)).some(({ id }) => id === 'notify:failing:broken') || undefined;
    });
    await ops.heard('problem-raised', 'notify:failing:broken');
    broken.answer(200);
    await until('all to be delivered', () => {
      server.clock.advance(60_000);
      return server.app.context.outbox.first('broken') === undefined || undefined;
    });
    await ops.heard('problem-cleared', 'notify:failing:broken');
    await broken.heard('mark');
    expect(broken.notifications().filter(({ subject }) => subject.startsWith('notify:failing:broken'))).toEqual([]);
  });

  test('where too many wait, the oldest are dropped, which is a problem', async () => {
    const ops = await receiver();
    ops.answer(500);
    const server = await telling({
      targets: [{ name: 'ops', url: ops.url, kinds: ['problem-raised'] }],
      env: { TAGWAVE_NOTIFY_KEEP_MESSAGES: '3' },
    });
    const { context } = server.app;
    await until('the beginning', () => context.outbox.cursor() ?? undefined);
    for (let number = 0; number < 6; number++) {
      const id = `of:this-test:${number}`;
      context.problems.set(id, [{ id, severity: 'error', sentence: `number ${number}`, hint: '' }]);
    }
    expect(await problem(server, 'notify:dropped:ops')).toContain('were dropped');
    ops.answer(200);
    await until('all to be delivered', () => {
      server.clock.advance(60_000);
      return context.outbox.first('ops') === undefined || undefined;
    });
    expect(ops.notifications().map(({ summary }) => summary)).toEqual(['number 3', 'number 4', 'number 5']);
  });

  test('what waits for too long is dropped, too', async () => {
    const ops = await receiver();
    ops.answer(500);
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, kinds: ['mark'] }] });
    expect(await mark(server, 9, 'bad', 'long ago')).toBe(200);
    await until('a failure', () => server.app.context.outbox.first('ops')?.failures);
    server.clock.advance(73 * 3_600_000);
    await until('it to be dropped', () => server.app.context.outbox.first('ops') === undefined || undefined);
    expect(await problem(server, 'notify:dropped:ops')).toContain('were dropped');
  });

  test('a certificate counts that the named authority has signed, and no other', async () => {
    const [ours, others] = [await makeAuthority('ours'), await makeAuthority('others')];
    const { certificate: cert, key } = await ours.issue({ name: 'localhost', use: 'server' });
    const ops = await receiver({ cert, key });
    const directory = await disposableDirectory();
    for (const [name, { certificate }] of Object.entries({ ours, others }))
      await writeFile(join(directory, `${name}.pem`), certificate);
    const target = (name: string) => ({ name, url: ops.url, ca: join(directory, `${name}.pem`), kinds: ['mark'] });
    const server = await telling({ targets: [target('ours'), target('others')] });
    expect(await mark(server, 9, 'bad', 'by TLS')).toBe(200);
    await ops.heard('mark');
    const refused = await until('the refusal', () => server.app.context.outbox.first('others')?.lastError ?? undefined);
    expect(refused).toMatch(/certificate/);
    expect(ops.taken).toHaveLength(1);
  });

  test('nothing that stops waits for anybody to be told, and no secret is told by what goes wrong', async () => {
    const ops = await receiver();
    ops.answer('hang');
    const missing = join(await disposableDirectory(), 'missing');
    const url = await secretFile(`${ops.url}&token=sesame-of-the-hook`);
    const server = await telling({
      targets: [
        { name: 'ops', url_file: url },
        { name: 'unsigned', url: ops.url, secret_file: missing },
      ],
      env: { TAGWAVE_NOTIFY_TIMEOUT_SECONDS: '1' },
    });
    expect(await change(server, '/v1/killswitch', { method: 'PUT', body: { message: 'stop' } })).toBe(200);
    expect((await ask(server, HOSTS.qa)).gets).toBe('killswitch');
    await until('failures', () => {
      server.clock.advance(5_000);
      return (server.app.context.outbox.first('ops')?.failures ?? 0) > 2 || undefined;
    });
    expect(await problem(server, 'notify:failing:ops')).not.toContain('sesame');
    expect(await problem(server, 'notify:failing:unsigned')).toContain(`${missing} cannot be used`);
    expect(JSON.stringify(await problems(server))).not.toContain('sesame-of-the-hook');
  });
});

describe('the outbox', () => {
  test('that is damaged is set aside, and what happens next is told', async () => {
    const ops = await receiver();
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, kinds: ['mark'] }] });
    const { outbox } = server.app.context;
    await until('the beginning', () => outbox.cursor() ?? undefined);
    outbox.close();
    await writeFile(
      join(server.base, 'var/notifications.sqlite'),
      'this is no database at all, and long enough '.repeat(50),
    );
    await until(
      'it to be set aside',
      () => existsSync(join(server.base, 'var/notifications.sqlite.damaged')) || undefined,
    );
    await until('a new beginning', () => outbox.cursor() ?? undefined);
    expect(await mark(server, 9, 'bad', 'after the damage')).toBe(200);
    expect((await ops.heard('mark')).summary).toBe(`${tagAt(9)} bad: after the damage`);
  });

  test('goes on where a history was lost and begun anew', async () => {
    const ops = await receiver();
    const server = await telling({ targets: [{ name: 'ops', url: ops.url, kinds: ['mark'] }] });
    expect(await mark(server, 9, 'bad', 'before')).toBe(200);
    await ops.heard('mark');
    await server.stop();
    for (const end of ['', '-wal', '-shm']) rmSync(join(server.base, `var/history.sqlite${end}`), { force: true });
    const again = await server.restart();
    expect(await mark(again, 8, 'bad', 'afterwards')).toBe(200);
    // Of the history that begins with it, the whole file is new.
    await until('what happened since', () =>
      ops.notifications().find(({ summary }) => summary.includes(`${tagAt(8)} bad: afterwards`)),
    );
    expect(ops.notifications().filter(({ summary }) => summary === `${tagAt(9)} bad: before`)).toHaveLength(1);
  });
});
