import pLimit from 'p-limit';
import { expect, test } from 'vitest';
import { decideBySchedule } from '../../server/core/decide.ts';
import { groupByTag, type Marks } from '../../server/core/marks.ts';
import { environmentsOf, parseSchedule } from '../../server/core/schedule.ts';
import type { Tag } from '../../server/core/tag.ts';
import { parseTagstate } from '../../server/core/tagstate.ts';
import { type Answer, ask } from './ask.ts';
import { at, BASE, contentAt, SCHEDULE, type Train, tagAt, train } from './train.ts';

/** With these, marks as well as the hour alone change what waves get at 11:00. */
const TAGSTATE = `${tagAt(9)} bad:qa broke the test data
${tagAt(7)} badfwd:production left a file behind
`;
const WAVES = ['dev', 'qa', 'stg', 'east', 'web'];
const FLEET = Array.from({ length: 1000 }, (_, index) => `${WAVES[index % 5]}${index}.example.org`);

interface Moment {
  readonly now: number;
  readonly tags: readonly Tag[];
}

const schedule = parseSchedule(SCHEDULE);
const waves = schedule.ok ? schedule.value.waves : [];
const marks: Marks = {
  base: groupByTag(parseTagstate(TAGSTATE, 'tagstate').lines),
  repository: new Map(),
  environments: environmentsOf({ waves }),
};

/** What the core says that a node gets. */
function said(node: string, { now, tags }: Moment): string {
  const wave = waves[WAVES.findIndex((name) => node.startsWith(name))];
  if (wave === undefined) throw new Error(`no wave for ${node}`);
  const decision = decideBySchedule({ now, tags, marks, wave });
  return decision.outcome === 'serve' ? decision.tag : decision.outcome;
}

function momentOf({ app, clock }: Train): Moment {
  return { now: clock.now(), tags: app.context.shelf.current().tags };
}

function everybody<Asked>(one: (node: string, index: number) => Promise<Asked>): Promise<Asked[]> {
  const limit = pLimit(50);
  return Promise.all(FLEET.map((node, index) => limit(() => one(node, index))));
}

function tagsOf(answers: readonly Answer[]): string[] {
  return answers.map(({ tag }) => tag);
}

test('1,000 nodes asked across an hour boundary each get what the core says, before, during and after', async () => {
  const server = await train({ files: { ...BASE, tagstate: TAGSTATE } });
  const old = momentOf(server);
  const before = await everybody((node) => ask(server, node));
  expect(tagsOf(before)).toEqual(FLEET.map((node) => said(node, old)));

  await server.commit(contentAt(11));
  let asked = 0;
  let passing: Promise<void> | undefined;
  let isOver = false;
  const pass = async () => {
    await server.passTo(at('11:00'));
    isOver = true;
  };
  const during = await everybody(async (node) => {
    if (++asked === 400) passing = pass();
    const mustBeNew = isOver;
    return { node, mustBeNew, answer: await ask(server, node) };
  });
  await passing;
  const now = momentOf(server);
  for (const { node, mustBeNew, answer } of during) {
    const meanwhile = mustBeNew ? [] : [said(node, old), said(node, { ...now, tags: old.tags })];
    expect([...meanwhile, said(node, now)], node).toContain(answer.tag);
  }

  const after = await everybody((node, index) =>
    ask(server, node, { headers: { 'If-None-Match': before[index]?.etag ?? '' } }),
  );
  const expected = FLEET.map((node) => said(node, now));
  expect(tagsOf(after)).toEqual(expected);
  expect([...new Set(tagsOf(before))].sort()).toEqual([6, 8, 10].map(tagAt));
  expect([...new Set(expected)].sort()).toEqual([8, 9, 10, 11].map(tagAt));
  const changed = FLEET.map((_node, index) => before[index]?.tag !== expected[index]);
  expect(after.map(({ status }) => status)).toEqual(changed.map((isChanged) => (isChanged ? 200 : 304)));
});
