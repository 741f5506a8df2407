import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import type { WaveExperience } from '../../server/core/experience.ts';
import { answer, followEpoch } from '../../server/operations/answer.ts';
import { type Answer, assign } from '../../server/operations/assign.ts';
import type { Context } from '../../server/operations/context.ts';
import { writeSettled } from '../rig/server.ts';
import { until } from '../rig/until.ts';
import { BASE, HOSTS, NODES, SCHEDULE, type Train, tagAt, train } from '../stories/train.ts';

const FLEET = [...Object.values(HOSTS), 'qa2.example.org', 'web2.example.org', 'other.example.net'] as Hostname[];

/** Waves, each with one set of groups. */
const KINDS = 5;

type Ask = { readonly host: Hostname; readonly answer: Answer };

async function answers(context: Context): Promise<Ask[]> {
  const asked: Ask[] = [];
  for (const host of FLEET) {
    const found = await answer(context, { hostname: host });
    if ('told' in found)
      context.fleet.note({ hostname: host, at: context.time.now(), running: null, told: found.told });
    asked.push({ host, answer: found });
  }
  return asked;
}

/** What matters to a node. */
function brief(found: Answer): unknown {
  if (!('told' in found)) return found.kind;
  const { outcome, tag, digest, environment, wave, groups, hold, message } = found.told;
  return { outcome, tag, digest, environment, wave, groups, hold, message, etag: found.etag };
}

async function worksOut(context: Context, hostname: Hostname): Promise<unknown> {
  return brief(await assign(context, { hostname }));
}

/** So long that what decides is looked at anew. */
function pause({ clock }: Train): void {
  clock.advance(1);
}

describe('answers that stand', () => {
  test('are one object for all nodes of a kind, and stay it while nothing changes', async () => {
    const { app, clock } = await train();
    await answers(app.context);
    clock.advance(60_000);
    const again = await answers(app.context);
    const [one, other] = ['qa1.example.org', 'qa2.example.org'].map((host) => again.find((ask) => ask.host === host));
    expect(one?.answer).toBe(other?.answer);
    expect((await answers(app.context)).map((ask) => ask.answer)).toEqual(again.map((ask) => ask.answer));
    const { standing, fleet } = app.context;
    for (const { host, answer: found } of again) {
      const seat = fleet.seat(host);
      expect([host, seat && standing.of(seat)]).toEqual([host, found]);
    }
  });

  test('follow a mark before anybody asks, once for each kind however many nodes there are', async () => {
    const { app, base, sweep } = await train();
    const { context } = app;
    for (let number = 0; number < 500; number++)
      await answer(context, { hostname: `web${number}.example.org` as Hostname });
    await answers(context);
    const asked = vi.spyOn(context.views, 'ofNode');
    await writeSettled(join(base, 'tagstate'), `${tagAt(6)} bad\n`);
    sweep();
    const seat = context.fleet.seat('web499.example.org' as Hostname);
    const standing = await until('the answers to the mark', () => seat && context.standing.of(seat));
    expect(standing.told.tag).toBe(tagAt(5));
    const askedFor = new Set(asked.mock.calls.map(([, { hostname }]) => hostname));
    expect(askedFor.size).toBeLessThanOrEqual(KINDS);
    expect(askedFor.size).toBeGreaterThan(0);
  });

  test('wait for no history after a mark, but for those who ask for the first time', async () => {
    const { app, base, sweep } = await train();
    const { context } = app;
    await answers(context);
    let look = (_: readonly WaveExperience[]): void => undefined;
    const looking = new Promise<readonly WaveExperience[]>((resolve) => {
      look = resolve;
    });
    vi.spyOn(context.experience, 'of').mockReturnValue(looking);
    await writeSettled(join(base, 'tagstate'), `${tagAt(6)} bad\n`);
    sweep();
    const soon = await answer(context, { hostname: HOSTS.prod as Hostname });
    expect(soon).toMatchObject({ kind: 'serve', tag: tagAt(5) });
    const waiting = answer(context, { hostname: 'web9.example.org' as Hostname });
    look([{ wave: 'qa+1h', ran: 7, milliseconds: 7 * HOUR_MS, failed: 0, rolledBack: 0, first: [] }]);
    const late = await waiting;
    if (!('told' in soon) || !('told' in late)) throw new Error('both are told');
    expect(late.etag).toBe(soon.etag);
    const sentence = '7 qa nodes have run it for 1 h, none failed';
    expect([soon.told.reasons.includes(sentence), late.told.reasons.at(-1)]).toEqual([false, sentence]);
  });

  test('wait for no view after a mark: those of all tags that it may lead to are at hand', async () => {
    const { app, clock, passTo } = await train();
    const { context } = app;
    await answers(context);
    const known = vi.spyOn(context.views, 'ofNode');
    await passTo(new Date(clock.now() + HOUR_MS).toISOString());
    const trees = new Set(context.shelf.current().tags.map(({ tree }) => tree));
    await until('the views of all tags', () =>
      [...trees].every((tree) => known.mock.calls.some(([asked]) => asked === tree)) ? true : undefined,
    );
    expect(trees.size).toBeGreaterThan(KINDS);
  });

  test('a node that keeps its answer keeps the time and the reasons that it was told; one that comes later hears those of then', async () => {
    const site = await train();
    const { app, passTo } = site;
    const { context } = app;
    const early = await answer(context, { hostname: 'web1.example.org' as Hostname });
    if (!('told' in early)) throw new Error(early.kind);
    context.fleet.note({ hostname: 'web1.example.org' as Hostname, at: 0, running: null, told: early.told });
    await writeSettled(join(context.base, 'tagstate'), `${tagAt(7)} bad\n`);
    await passTo('2026-11-20T11:00:10Z');
    pause(site);
    const kept = await answer(context, { hostname: 'web1.example.org' as Hostname });
    const late = await answer(context, { hostname: 'web2.example.org' as Hostname });
    if (!('told' in kept) || !('told' in late)) throw new Error('both are told');
    expect(kept.etag).toBe(late.etag);
    expect(kept.told).toBe(early.told);
    expect(late.told.reasons.join('\n')).toContain(`${tagAt(7)} is bad`);
    expect(late.told.at).toBeGreaterThan(early.told.at);
  });

  test('are as if worked out for each node anew, whatever happens in whatever order', async () => {
    const site = await train({ files: BASE });
    const { context } = site.app;
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...Object.keys(HAPPENINGS)), { minLength: 4, maxLength: 8 }),
        async (names) => {
          for (const name of names) {
            await HAPPENINGS[name as keyof typeof HAPPENINGS](site);
            site.settle();
            pause(site);
            // Sometimes asked before what follows has been worked out, sometimes after.
            if (name.length % 2 === 0) await followEpoch(context);
            const told = await answers(context);
            for (const { host, answer: found } of told) {
              const label = `${names.join(', ')}: ${host}`;
              expect([label, brief(found)]).toEqual([label, await worksOut(context, host)]);
            }
          }
        },
      ),
      { numRuns: 12 },
    );
  }, 120_000);

  test('stand for nobody while a program of the site decides, and again once it is gone for good', async () => {
    const site = await train();
    const { context } = site.app;
    await answers(context);
    await writeSettled(join(site.base, 'server.yml'), 'nodegrouper: ./grouper\n');
    site.settle();
    pause(site);
    expect(context.standing.epoch()?.hasPrograms).toBe(true);
    const [first] = await answers(context);
    expect(first?.answer).toMatchObject({ kind: 'hold', told: { hold: 'nodegrouper-failed' } });
    expect(FLEET.map((host) => context.fleet.seat(host)).filter((seat) => seat && context.standing.of(seat))).toEqual(
      [],
    );
    await writeSettled(join(site.base, 'server.yml'), 'nodegrouper: none\n');
    site.settle();
    pause(site);
    const [again] = await answers(context);
    expect(again?.answer.kind).toBe('serve');
  });

  test('the killswitch stops by the next question, and ends with the next one after it is gone', async () => {
    const site = await train();
    const { app, base } = site;
    await answers(app.context);
    await writeSettled(join(base, 'killswitch'), 'stop\n');
    pause(site);
    expect((await answers(app.context)).map((ask) => ask.answer.kind)).toEqual(FLEET.map(() => 'killswitch'));
    await rm(join(base, 'killswitch'));
    pause(site);
    expect((await answers(app.context)).map((ask) => ask.answer.kind)).toEqual(FLEET.map(() => 'serve'));
  });
});

const HOUR_MS = 3_600_000;

/** What may happen to a site, each leaving it so that everything else may happen next. */
const HAPPENINGS = {
  'an hour passes': async ({ passTo, clock }: Train) => passTo(new Date(clock.now() + HOUR_MS).toISOString()),
  'half an hour passes': async ({ clock }: Train) => clock.advance(HOUR_MS / 2),
  'a tag is marked': async ({ base, clock }: Train) => mark(base, clock.now(), 'bad'),
  'a tag is marked for one environment': async ({ base, clock }: Train) => mark(base, clock.now(), 'badfwd:production'),
  'the marks go': async ({ base }: Train) => writeSettled(join(base, 'tagstate'), '# none\n'),
  'a host is pinned for a while': async ({ base, clock }: Train) => {
    const soon = new Date(clock.now() + HOUR_MS / 3).toISOString();
    await writeSettled(join(base, 'pins'), `web*.example.org ${tagAt(5)} until=${soon}\nqa2.example.org trunk\n`);
  },
  'hosts go to trunk for their hours': async ({ base, clock }: Train) => {
    const stamp = new Date(clock.now() + HOUR_MS / 4)
      .toISOString()
      .replaceAll('-', '')
      .replace('T', '-')
      .replace(':', '');
    await writeSettled(join(base, 'pins'), `stg1.example.org trunk-${stamp.slice(0, 13)}\n`);
  },
  'the pins go': async ({ base }: Train) => writeSettled(join(base, 'pins'), '# none\n'),
  'a host changes its group': async ({ base }: Train) =>
    writeSettled(join(base, 'nodes.yml'), `${NODES}"web1.example.org": [stg]\n`),
  'the groups are as before': async ({ base }: Train) => writeSettled(join(base, 'nodes.yml'), NODES),
  'waves are split': async ({ base }: Train) =>
    writeSettled(
      join(base, 'schedule.yml'),
      SCHEDULE.replace(
        '  - {environment: production, default',
        '  - {environment: production, name: half, groups: [stg, qa], percent: 50, hours: 3}\n  - {environment: production, default',
      ),
    ),
  'the waves are as before': async ({ base }: Train) => writeSettled(join(base, 'schedule.yml'), SCHEDULE),
  'one environment is stopped': async ({ base }: Train) => writeSettled(join(base, 'killswitch.d/production'), 'why\n'),
  'and goes on': async ({ base }: Train) => rm(join(base, 'killswitch.d/production'), { force: true }),
  'everybody is forgotten': async ({ app }: Train) => app.context.fleet.forget(Number.POSITIVE_INFINITY),
} satisfies Record<string, (site: Train) => Promise<void> | void>;

async function mark(base: string, now: number, state: string): Promise<void> {
  const hour = Math.floor(now / HOUR_MS) - Date.UTC(2026, 10, 20) / HOUR_MS;
  const tags = [hour - 5, hour - 4, hour - 1].map((each) => `${tagAt(each)} ${state} broke\n`);
  await writeSettled(join(base, 'tagstate'), tags.join(''));
}
