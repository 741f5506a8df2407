import { rmSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { writeSettled } from '../rig/server.ts';
import { ask } from './ask.ts';
import { BASE, short, type Train, tagAt, train } from './train.ts';

const SCHEDULE = `waves:
  - {environment: development, groups: [dev], hours: 0}
  - {environment: qa, groups: [qa], hours: 1, lookback_hours: 3}
  - {environment: staging, groups: [stg], hours: 2, require: good}
  - {environment: production, name: canary, groups: [prod-east], hours: 2, percent: 50}
  - {environment: production, groups: [prod-east], hours: 3}
  - {environment: production, default: true, hours: 4}
`;
const NAMES = ['dev', 'qa', 'stg', 'east', 'web'];
const NODES = NAMES.flatMap((name) => [1, 2, 3, 4].map((number) => `${name}${number}.example.org`));
const ENVIRONMENTS = ['development', 'qa', 'staging', 'production'];

interface Mark {
  readonly tag: string;
  readonly state: 'good' | 'bad' | 'badfwd' | 'none';
  readonly environments?: readonly string[];
}
interface Pin {
  readonly host: string;
  readonly pin: { readonly tag: string } | null;
}
interface Switch {
  readonly environment: string | null;
  readonly on: boolean;
}
interface Proposal {
  readonly marks: readonly Mark[];
  readonly pins: readonly Pin[];
  readonly killswitch: readonly Switch[];
}
interface World {
  readonly tagstate: string;
  readonly pins: string;
  readonly stopped: readonly string[];
}
interface Preview {
  readonly moves: readonly { readonly from: string; readonly to: string; readonly nodes: readonly string[] }[];
  readonly pinned: readonly { readonly hostname: string; readonly tag: string }[];
  readonly staying: number;
}

/** What every node gets, in the words of the preview. */
async function fleet(server: Train): Promise<Record<string, string>> {
  const gets = await Promise.all(NODES.map(async (node) => [node, (await ask(server, node)).gets] as const));
  return Object.fromEntries(gets);
}

async function lay({ base, settle }: Train, world: World): Promise<void> {
  rmSync(join(base, 'killswitch'), { force: true });
  rmSync(join(base, 'killswitch.d'), { force: true, recursive: true });
  for (const environment of world.stopped) await writeSettled(join(base, 'killswitch.d', environment), '');
  await writeSettled(join(base, 'tagstate'), `# marks\n${world.tagstate}`);
  await writeSettled(join(base, 'pins'), `# pins\n${world.pins}`);
  settle();
}

interface Sent {
  readonly status: number;
  readonly body: unknown;
}

async function send(server: Train, method: string, path: string, body?: unknown): Promise<Sent> {
  const response = await fetch(server.url + path, {
    method,
    headers: { 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

/** Makes what was proposed, one request each, as an operator would. Answers what was refused. */
async function make(server: Train, { marks, pins, killswitch }: Proposal): Promise<Sent[]> {
  const sent: Sent[] = [];
  for (const { tag, state, environments } of marks) {
    const path = `/v1/tags/${tag}/mark`;
    const query = environments ? `?environments=${environments.join()}` : '';
    const body = { state, ...(environments && { environments }) };
    sent.push(await (state === 'none' ? send(server, 'DELETE', path + query) : send(server, 'PUT', path, body)));
  }
  for (const { host, pin } of pins) {
    const path = `/v1/nodes/${host}/pin`;
    sent.push(await (pin === null ? send(server, 'DELETE', path) : send(server, 'PUT', path, pin)));
  }
  for (const { environment, on } of killswitch) {
    const path = environment === null ? 'killswitch' : `killswitch/${environment}`;
    if (on) sent.push(await send(server, 'PUT', `/v1/${path}`, {}));
    else rmSync(join(server.base, path.replace('/', '.d/')), { force: true });
  }
  server.settle();
  return sent.filter(({ status }) => status !== 200);
}

/** What the preview says that every node will get, given what it gets now. */
function foretold(now: Record<string, string>, { moves }: Preview): Record<string, string> {
  const then = { ...now };
  for (const { from, to, nodes } of moves)
    for (const node of nodes) {
      expect([node, now[node]]).toEqual([node, short(from)]);
      then[node] = short(to);
    }
  return then;
}

/** Answers how many nodes were foretold to move, and did; undefined where the proposal was refused. */
async function previewIsReality(server: Train, world: World, proposal: Proposal): Promise<number | undefined> {
  await lay(server, world);
  const now = await fleet(server);
  const { status, body } = await send(server, 'POST', '/v1/preview', proposal);
  expect(await fleet(server), 'a preview changes nothing').toEqual(now);
  if (status !== 200) {
    const [refused] = await make(server, proposal);
    expect(refused).toMatchObject({
      status: 409,
      body: { code: 'conflict', title: (body as { title: string }).title },
    });
    return undefined;
  }
  const preview = body as Preview;
  const then = foretold(now, preview);
  const moved = NODES.filter((node) => then[node] !== now[node]).length;
  expect([preview.staying, preview.moves.flatMap(({ nodes }) => nodes).length]).toEqual([NODES.length - moved, moved]);
  expect(await make(server, proposal)).toEqual([]);
  expect(await fleet(server)).toEqual(then);
  for (const { hostname, tag } of preview.pinned) expect([hostname, then[hostname]]).toEqual([hostname, short(tag)]);
  return moved;
}

async function previewed(): Promise<Train> {
  return train({ files: { ...BASE, 'schedule.yml': SCHEDULE }, env: { TAGWAVE_SETTLE_SECONDS: '5' } });
}

describe('what a preview says is what happens', () => {
  test.each<[what: string, world: Partial<World>, proposal: Partial<Proposal>, moved: number]>([
    ['a bad tag sends a wave back', {}, { marks: [{ tag: tagAt(10), state: 'bad' }] }, 4],
    ['a badfwd tag makes a wave hold or go forward', {}, { marks: [{ tag: tagAt(9), state: 'badfwd' }] }, 4],
    ['a good tag lets a wave move that requires one', {}, { marks: [{ tag: tagAt(7), state: 'good' }] }, 4],
    [
      'a mark is taken off for one environment only',
      { tagstate: `${tagAt(6)} bad:production,qa\n${tagAt(10)} bad\n` },
      { marks: [{ tag: tagAt(6), state: 'none', environments: ['production'] }] },
      4,
    ],
    ['a pin moves one host', {}, { pins: [{ host: 'web1.example.org', pin: { tag: tagAt(4) } }] }, 1],
    [
      'a pinned host stays where it is when its tag is marked',
      { pins: `dev1.example.org ${tagAt(10)}\n` },
      { marks: [{ tag: tagAt(10), state: 'bad' }] },
      3,
    ],
    [
      'a pin is taken away',
      { pins: `dev1.example.org ${tagAt(5)}\n` },
      { pins: [{ host: 'dev1.example.org', pin: null }] },
      1,
    ],
    ['a killswitch stops all', {}, { killswitch: [{ environment: null, on: true }] }, 20],
    [
      'an environment is resumed in which a tag went bad meanwhile',
      { stopped: ['production'] },
      { killswitch: [{ environment: 'production', on: false }], marks: [{ tag: tagAt(6), state: 'bad' }] },
      8,
    ],
  ])('when %s', async (_what, world, proposal, moved) => {
    const before = { tagstate: '', pins: '', stopped: [], ...world };
    const after = { marks: [], pins: [], killswitch: [], ...proposal };
    expect(await previewIsReality(await previewed(), before, after)).toBe(moved);
  });

  test('what it cannot tell because it cannot be done is refused with the same words when it is tried', async () => {
    const before = { tagstate: `${tagAt(6)} bad\n`, pins: '', stopped: [] };
    const marks = [{ tag: tagAt(6), state: 'none', environments: ['production'] }] as const;
    const proposal = { marks, pins: [], killswitch: [] };
    expect(await previewIsReality(await previewed(), before, proposal)).toBeUndefined();
  });

  test('in twenty arbitrary worlds', async () => {
    const server = await previewed();
    let moved = 0;
    const property = fc.asyncProperty(worlds, proposals, async (world, proposal) => {
      moved += (await previewIsReality(server, world, proposal)) ?? 0;
    });
    await fc.assert(property, { seed: 20_261_120, numRuns: 20 });
    expect(moved).toBeGreaterThan(50);
  });
});

const tag = fc.integer({ min: 4, max: 10 }).map(tagAt);
const environment = fc.constantFrom(...ENVIRONMENTS);
const node = fc.constantFrom(...NODES);
const line = fc
  .record({
    tag,
    state: fc.constantFrom('good', 'bad', 'badfwd', 'bda'),
    colon: fc.constantFrom('', ':production', ':qa,staging', ':prod'),
  })
  .map((one) => `${one.tag} ${one.state}${one.colon} why\n`);
const pin = fc
  .record({ host: fc.oneof(node, fc.constantFrom('dev*.example.org', '**')), tag: fc.oneof(tag, fc.constant('trunk')) })
  .map((one) => `${one.host} ${one.tag}\n`);
const worlds: fc.Arbitrary<World> = fc.record({
  tagstate: fc.array(line, { maxLength: 8 }).map((lines) => lines.join('')),
  pins: fc.array(pin, { maxLength: 2 }).map((lines) => lines.join('')),
  stopped: fc.uniqueArray(environment, { maxLength: 1 }),
});
const mark: fc.Arbitrary<Mark> = fc
  .record({
    tag,
    state: fc.constantFrom<Mark['state']>('good', 'bad', 'badfwd', 'none'),
    environments: fc.option(fc.uniqueArray(environment, { minLength: 1, maxLength: 2 })),
  })
  .map(({ environments, ...one }) => (environments === null ? one : { ...one, environments }));
const proposals: fc.Arbitrary<Proposal> = fc.record({
  marks: fc.array(mark, { maxLength: 3 }),
  pins: fc.array(fc.record({ host: node, pin: fc.option(fc.record({ tag })) }), { maxLength: 2 }),
  killswitch: fc.array(fc.record({ environment: fc.option(environment, { freq: 5 }), on: fc.boolean() }), {
    maxLength: 1,
  }),
});
