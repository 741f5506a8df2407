import { mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { disposableDirectory } from '../rig/disposable.ts';
import { age, writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { all, ask, askAll, problems } from './ask.ts';
import { HOSTS, NODES, SCHEDULE, type Train, tagAt, train } from './train.ts';

/** Development is known by a group of a group here, and a host of production is pinned: every file counts. */
const FILES = {
  'schedule.yml': SCHEDULE.replace('[dev, int]', '[development]'),
  'nodes.yml': NODES,
  'nodegroups.yml': 'development:\n  - dev\n  - int\nproduction: [prod-east]\n',
  pins: `# until the migration is over\n${HOSTS.prod} ${tagAt(5)} migration\n`,
};
type File = keyof typeof FILES;
const NAMES = Object.keys(FILES) as File[];
const USUAL = { dev: '10', qa: '09', stg: '08', east: '07', prod: '05' };

/** What stays wrong with a file after an accident. */
const ACCIDENTS: readonly [what: string, accident: (file: string) => unknown][] = [
  ['deleted', (file) => rmSync(file)],
  ['emptied', (file) => truncateSync(file)],
  ['nothing but a line end', (file) => writeFileSync(file, '\n')],
  ['a directory', (file) => [rmSync(file), mkdirSync(file)]],
  ['binary', (file) => writeFileSync(file, '{}\n\0')],
  ['over the limit', (file) => writeFileSync(file, `#${'x'.repeat(2 * 1024 * 1024)}\n`)],
  ['something else altogether', (file) => writeFileSync(file, '<<<<<<< HEAD\n- [\n')],
];

async function shows(server: Train, file: File): Promise<void> {
  await until(`a problem with ${file}`, async () => (await problems(server)).some((one) => one.file === file));
}

test('without its control files every host would get something else', async () => {
  expect(await askAll(await train({ files: FILES }))).toEqual(USUAL);
  for (const name of NAMES) {
    const { [name]: _missing, ...others } = FILES;
    expect(await askAll(await train({ files: others })), name).not.toEqual(USUAL);
  }
});

/** A host that the last line of a file is about: wherever the file is cut off, that line is gone or incomplete. */
const LAST = { 'schedule.yml': 'dev', 'nodes.yml': 'east', 'nodegroups.yml': 'dev', pins: 'prod' } as const;

describe.each(NAMES)('%s', (name) => {
  const whole = FILES[name];
  const last = LAST[name];

  test('cut off anywhere changes nothing while it is being written, nor does a restart in the middle', async () => {
    const server = await train({ files: FILES });
    const file = join(server.base, name);
    for (let length = 0; length < whole.length; length++) {
      writeFileSync(file, whole.slice(0, length));
      server.sweep();
      expect((await ask(server, HOSTS[last])).gets, whole.slice(0, length)).toBe(USUAL[last]);
    }
    for (const length of [whole.length / 2, whole.indexOf('\n') + 1]) {
      writeFileSync(file, whole.slice(0, length));
      const again = await server.restart();
      expect(await askAll(again), whole.slice(0, length)).toEqual(USUAL);
      await again.stop();
    }
  });

  test('cut off within a line changes nothing however long it stays so, and is shown as a problem', async () => {
    const server = await train({ files: FILES, env: { TAGWAVE_SETTLE_SECONDS: '1' } });
    const file = join(server.base, name);
    for (let length = 1; length < whole.length; length++) {
      if (whole[length - 1] === '\n') continue;
      writeFileSync(file, whole.slice(0, length));
      server.settle();
      expect((await ask(server, HOSTS[last])).gets, whole.slice(0, length)).toBe(USUAL[last]);
    }
    await shows(server, name);
    await server.stop();
    await age(file);
    const again = await server.restart();
    expect(await askAll(again)).toEqual(USUAL);
    await shows(again, name);
  });

  test('changed for good counts once it has been unchanged for a moment, and not before', async () => {
    const server = await train({ files: FILES });
    const file = join(server.base, name);
    writeFileSync(file, name === 'pins' ? '# none\n' : name === 'schedule.yml' ? ALL_AT_ONCE : '{}\n');
    server.sweep();
    expect(await askAll(server)).toEqual(USUAL);
    server.settle();
    expect(await askAll(server)).not.toEqual(USUAL);
  });
});

describe('all files keep their last meaning, also after a restart, until they are put right, when each is', () => {
  test.each(ACCIDENTS)('%s', async (_what, accident) => {
    const server = await train({ files: FILES });
    const files = NAMES.map((name) => join(server.base, name));
    expect(await askAll(server)).toEqual(USUAL);
    for (const file of files) accident(file);
    server.sweep();
    expect(await askAll(server)).toEqual(USUAL);
    server.settle();
    expect(await askAll(server)).toEqual(USUAL);
    for (const name of NAMES) await shows(server, name);
    const again = await server.restart();
    expect(await askAll(again)).toEqual(USUAL);
    again.settle();
    expect(await askAll(again)).toEqual(USUAL);
    for (const name of NAMES) await shows(again, name);

    for (const name of NAMES) {
      rmSync(join(server.base, name), { recursive: true, force: true });
      writeFileSync(join(server.base, name), `${FILES[name]}# put right\n`);
    }
    again.settle();
    expect(await askAll(again)).toEqual(USUAL);
    await until('the problems to go', async () => {
      const names = new Set((await problems(again)).map(({ file }) => file));
      return NAMES.every((name) => !names.has(name));
    });
  });
});

const ALL_AT_ONCE = 'waves:\n  - {environment: production, default: true, hours: 0}\n';

describe('a first start', () => {
  test.each(NAMES)('with an invalid %s answers nobody with a tag', async (name) => {
    const server = await train({ files: { ...FILES, [name]: name === 'pins' ? '..\n' : 'a: [\n' } });
    expect(await askAll(server)).toEqual(all('starting'));
    expect((await ask(server, HOSTS.dev)).message).toContain(name);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
  });

  test('with invalid files refuses, naming all errors of all of them', async () => {
    const base = await disposableDirectory();
    await writeSettled(join(base, 'schedule.yml'), 'waves:\n  - {environment: Production, default: true, hours: -1}\n');
    await writeSettled(join(base, 'nodes.yml'), 'web1: dev\n');
    await writeSettled(join(base, 'nodegroups.yml'), 'a: [b]\nb: [a]\n');
    const serve = ['--import', 'tsx', 'server/main.ts', 'serve', '--base', base, '--listen', '127.0.0.1:0'];
    const refused = await execa(process.execPath, serve, { reject: false });
    expect(refused).toMatchObject({ exitCode: 1, stdout: '' });
    for (const place of ['schedule.yml', 'environment', 'hours', 'nodes.yml', 'web1', 'nodegroups.yml'])
      expect(refused.stderr).toContain(place);
  });

  test.each([...NAMES, 'tagstate'])(
    'with a %s that has just been written answers "starting" until it is settled',
    async (name) => {
      const files: Record<string, string> = { ...FILES, tagstate: `${tagAt(10)} bad\n` };
      const laid = await train({ files });
      await laid.stop();
      rmSync(join(laid.base, 'var', 'last-valid'), { recursive: true });
      rmSync(join(laid.base, 'var', 'marks-in-effect.json'));
      writeFileSync(join(laid.base, name), files[name] ?? '');
      const server = await laid.restart();
      expect(await askAll(server)).toEqual(all('starting'));
      expect((await fetch(`${server.url}/readyz`)).status).toBe(503);
      expect((await ask(server, HOSTS.dev)).message).toContain(name);
      writeFileSync(join(server.base, 'killswitch'), 'not even now\n');
      expect(await ask(server, HOSTS.dev)).toMatchObject({ status: 423, message: 'not even now' });
      rmSync(join(server.base, 'killswitch'));
      server.settle();
      expect(await askAll(server)).toEqual({ ...USUAL, dev: '09' });
      expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    },
  );

  test('without any control file goes by the defaults', async () => {
    const server = await train({ files: {} });
    expect(await askAll(server)).toEqual(all('06'));
  });
});
