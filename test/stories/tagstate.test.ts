import { execFileSync } from 'node:child_process';
import { appendFileSync, chmodSync, mkdirSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { age } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { ask, askAll, change, problem, problems } from './ask.ts';
import { BASE, HOSTS, short, type Train, tagAt, train, trainAsNobody } from './train.ts';

/** Development would get 10:00 and QA 09:00; both get 08:00. */
const BAD = `# incident 12
${tagAt(10)} bad broke ntp
${tagAt(9)} bad broke ntp
`;
const NO_MARKS = '# none\n';

interface Marked {
  readonly server: Train;
  readonly file: string;
}

async function marked(tagstate: string = BAD): Promise<Marked> {
  const server = await train({ files: { ...BASE, tagstate } });
  return { server, file: join(server.base, 'tagstate') };
}

async function devOf(server: { readonly url: string }): Promise<string> {
  return (await ask(server, HOSTS.dev)).gets;
}

test('while tagstate is rewritten 200 times as editors and scripts do it, no bad tag is served at any moment', async () => {
  const server = await train({ files: { ...BASE, tagstate: BAD }, env: { TAGWAVE_SETTLE_SECONDS: '2' } });
  const file = join(server.base, 'tagstate');
  const texts = [
    BAD,
    `${tagAt(9)} bad broke ntp\n# ${'x'.repeat(300)}\n${tagAt(10)} bad broke ntp\n${tagAt(4)} good\n`,
    `${tagAt(4)} good\r\n${tagAt(10)} BAD\r\n${tagAt(6)} badfwd:staging\r\n${tagAt(9)} bad`,
  ];
  const rewriter = execa(process.execPath, ['--import', 'tsx', 'test/stories/rewriter.ts', file, '200'], {
    input: JSON.stringify(texts),
  });
  let isRunning = true;
  const ended = rewriter.finally(() => {
    isRunning = false;
  });
  const seen = new Set<string>();
  let rounds = 0;
  for (; isRunning; rounds++)
    for (const host of [HOSTS.dev, HOSTS.qa]) seen.add(`${host} ${(await ask(server, host)).gets}`);
  await ended;
  expect([...seen]).toEqual([`${HOSTS.dev} 08`, `${HOSTS.qa} 08`]);
  expect(rounds).toBeGreaterThan(100);
  writeFileSync(file, NO_MARKS);
  await until('10:00 to be served again', async () => (await devOf(server)) === '10');
});

describe('the known marks stay in effect, at once, settled, and after a restart, when tagstate is', () => {
  test.each<[string, string, (file: string) => unknown]>([
    ['deleted', 'tagstate:gone', (file) => rmSync(file)],
    ['emptied', 'tagstate:empty', (file) => truncateSync(file)],
    ['nothing but blank lines', 'tagstate:empty', (file) => writeFileSync(file, '\n \r\n\n')],
    ['a directory', 'tagstate:unreadable', (file) => [rmSync(file), mkdirSync(file)]],
    ['a FIFO', 'tagstate:unreadable', (file) => [rmSync(file), execFileSync('mkfifo', [file])]],
    ['a dangling link', 'tagstate:unreadable', (file) => [rmSync(file), symlinkSync('nowhere', file)]],
    ['a link to itself', 'tagstate:unreadable', (file) => [rmSync(file), symlinkSync('tagstate', file)]],
    ['binary', 'tagstate:unreadable', (file) => writeFileSync(file, `${NO_MARKS}\0`)],
    ['2 MiB long', 'tagstate:unreadable', (file) => writeFileSync(file, `#${'x'.repeat(2 * 1024 * 1024)}\n`)],
    ['grown by holes to 2 MiB', 'tagstate:unreadable', (file) => truncateSync(file, 2 * 1024 * 1024)],
  ])('%s', async (_what, id, accident) => {
    const { server, file } = await marked();
    expect(await devOf(server)).toBe('08');
    accident(file);
    server.sweep();
    expect(await devOf(server)).toBe('08');
    server.settle();
    expect(await devOf(server)).toBe('08');
    expect(await problem(server, id)).toContain('the known marks stay in effect');

    const again = await server.restart();
    expect(await devOf(again)).toBe('08');
    again.settle();
    expect(await devOf(again)).toBe('08');
    expect(await problem(again, id)).toContain('the known marks stay in effect');

    rmSync(file, { recursive: true, force: true });
    writeFileSync(file, NO_MARKS);
    again.settle();
    expect(await devOf(again)).toBe('10');
    await until('the problem to go', async () => (await problems(again)).every((one) => one.id !== id));
  });

  test('unreadable for the server', async () => {
    const laid = await trainAsNobody({ files: { ...BASE, tagstate: BAD }, settleSeconds: 0 });
    const server = await laid.start();
    expect(await devOf(server)).toBe('08');
    const file = join(laid.base, 'tagstate');
    writeFileSync(file, NO_MARKS);
    await until('10:00 to be served', async () => (await devOf(server)) === '10');
    writeFileSync(file, BAD);
    await until('08:00 to be served', async () => (await devOf(server)) === '08');
    chmodSync(file, 0o000);
    expect(await problem(server, 'tagstate:unreadable')).toContain('the known marks stay in effect');
    expect(await devOf(server)).toBe('08');
    await server.stop();
    writeFileSync(file, NO_MARKS);
    const again = await laid.start();
    expect(await problem(again, 'tagstate:unreadable')).toContain('the known marks stay in effect');
    expect(await devOf(again)).toBe('08');
    chmodSync(file, 0o644);
    await until('10:00 to be served again', async () => (await devOf(again)) === '10');
  });
});

describe('an edit of tagstate', () => {
  test('that makes one tag bad and another good counts for the bad one at once, for the good one when settled', async () => {
    const { server, file } = await marked();
    writeFileSync(file, `${tagAt(9)} good\n${tagAt(8)} bad\n${tagAt(10)} good\n`);
    server.sweep();
    expect(await askAll(server)).toMatchObject({ dev: '07', qa: '07', stg: '07', east: '07' });
    const again = await server.restart();
    again.sweep();
    expect(await askAll(again)).toMatchObject({ dev: '07', qa: '07', stg: '07', east: '07' });
    again.settle();
    expect(await askAll(again)).toMatchObject({ dev: '10', qa: '09', stg: '07', east: '07' });
  });

  test('that takes all marks away counts when settled, and no restart in between makes it count before', async () => {
    const { server, file } = await marked();
    writeFileSync(file, NO_MARKS);
    const again = await server.restart();
    again.sweep();
    expect(await devOf(again)).toBe('08');
    await again.stop();
    await age(file);
    expect(await devOf(await again.restart())).toBe('10');
  });

  test('that makes tags bad while the server is stopped counts from its start, settled or not', async () => {
    const { server, file } = await marked(NO_MARKS);
    expect(await devOf(server)).toBe('10');
    await server.stop();
    writeFileSync(file, BAD);
    const again = await server.restart();
    expect(await devOf(again)).toBe('08');
  });

  test('counts from the next request where it makes a tag bad, and its last line only when that has its end or is settled', async () => {
    const { server, file } = await marked(NO_MARKS);
    appendFileSync(file, `${tagAt(10)} bad\n${tagAt(9)} bad`);
    server.sweep();
    expect(await askAll(server)).toMatchObject({ dev: '09', qa: '09' });
    appendFileSync(file, '\n');
    server.sweep();
    expect(await askAll(server)).toMatchObject({ dev: '08', qa: '08' });
    appendFileSync(file, `${tagAt(8)} bad`);
    server.sweep();
    expect(await askAll(server)).toMatchObject({ dev: '08' });
    server.settle();
    expect(await askAll(server)).toMatchObject({ dev: '07', qa: '07' });
  });

  test('over HTTP counts from the very next request where it makes a tag bad', async () => {
    const { server } = await marked(NO_MARKS);
    for (const hour of [10, 9, 8, 7]) {
      expect(await devOf(server)).toBe(short(tagAt(hour)));
      const mark = { method: 'PUT', body: { state: 'bad' } } as const;
      expect(await change(server, `/v1/tags/${tagAt(hour)}/mark`, mark)).toBe(200);
    }
    expect(await devOf(server)).toBe('06');
  });

  test('from bad to badfwd, and back, counts when settled', async () => {
    const { server, file } = await marked(`${tagAt(8)} bad\n`);
    writeFileSync(file, `${tagAt(8)} badfwd\n`);
    server.sweep();
    expect(await askAll(server)).toMatchObject({ stg: '07' });
    server.settle();
    expect(await askAll(server)).toMatchObject({ stg: '09' });
    writeFileSync(file, `${tagAt(8)} bad\n`);
    server.sweep();
    expect(await askAll(server)).toMatchObject({ stg: '09' });
    server.settle();
    expect(await askAll(server)).toMatchObject({ stg: '07' });
  });

  test('for one environment leaves the others, and a misspelt state or environment stops rather than serves', async () => {
    const { server, file } = await marked(`${tagAt(8)} bad:staging\n`);
    expect(await askAll(server)).toEqual({ dev: '10', qa: '09', stg: '07', east: '07', prod: '06' });
    appendFileSync(file, `${tagAt(10)} bda\n${tagAt(9)} bad:qaa\n${tagAt(7)} bad:production\n${tagAt(6)}\n`);
    server.sweep();
    expect(await askAll(server)).toEqual({ dev: '08', qa: '08', stg: '07', east: '05', prod: '05' });
    server.settle();
    expect(await askAll(server)).toEqual({ dev: '08', qa: '08', stg: '07', east: '05', prod: '05' });
    await until('lines 2, 3 and 5 to be shown as problems', async () => {
      const lines = (await problems(server)).filter(({ file: name }) => name === 'tagstate').map(({ line }) => line);
      return lines.sort().join() === '2,3,5';
    });
  });

  test('of the same text over and over counts as a change each time: what is being written is never settled', async () => {
    const { server, file } = await marked();
    const half = BAD.slice(0, BAD.indexOf(tagAt(9)));
    for (let round = 0; round < 5; round++) {
      writeFileSync(file, BAD);
      writeFileSync(file, half);
      server.sweep();
      server.clock.advance(30_000);
    }
    server.sweep();
    expect(await askAll(server)).toMatchObject({ dev: '08', qa: '08' });
    server.settle();
    expect(await askAll(server)).toMatchObject({ dev: '09', qa: '09' });
  });
});
