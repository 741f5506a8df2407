import { expect, test, vi } from 'vitest';
import type { Report } from '../../protocol/assignment.ts';
import type { Digest, Hostname } from '../../protocol/names.ts';
import { answer } from '../../server/operations/answer.ts';
import { assign } from '../../server/operations/assign.ts';
import type { Context } from '../../server/operations/context.ts';
import { at, contentAt, train } from '../stories/train.ts';

const [ONE, OTHER] = ['dev1.example.org', 'dev2.example.org'] as [Hostname, Hostname];

async function digestOf(context: Context, hostname: Hostname, ask: typeof answer = answer): Promise<Digest> {
  const found = await ask(context, { hostname });
  if (found.kind !== 'serve') throw new Error(found.kind);
  return found.view.digest;
}

test('a node gets its own layers also where the first of its kind gets just what everybody had before there were layers', async () => {
  const { app, commit, passTo } = await train();
  const { context } = app;
  const common = Object.entries(contentAt(10)).map(([path, text]) => [`common/${path}`, text]);
  await commit({
    ...Object.fromEntries(common),
    'deploy.yml': 'layers: [common, "host/{hostname}"]\n',
    [`host/${OTHER}/key`]: 'for one host only',
  });
  const before = await digestOf(context, ONE);
  await passTo(at('11:00'));
  expect(await digestOf(context, ONE)).toBe(before);
  const own = await digestOf(context, OTHER);
  expect(own).not.toBe(before);
  expect(own).toBe(await digestOf(context, OTHER, assign));
});

test('a view that was being made while the node reported other facts is not what it gets from then on', async () => {
  const { app, commit, passTo } = await train();
  const { context } = app;
  await commit({
    'deploy.yml': 'layers: [common, "os/{os}"]\nfacts: [os]\n',
    'common/motd': 'hello',
    'os/debian/os': 'debian',
    'os/ubuntu/os': 'ubuntu',
  });
  await passTo(at('11:00'));
  const reportOs = (os: string): void => context.fleet.noteReport(ONE, reportWith({ os }), context.time.now());
  reportOs('debian');
  await digestOf(context, OTHER);
  const { ofNode } = context.views;
  const slow = vi.spyOn(context.views, 'ofNode').mockImplementationOnce(async (tree, node) => {
    const view = await ofNode(tree, node);
    reportOs('ubuntu');
    return view;
  });
  const early = await digestOf(context, ONE);
  slow.mockRestore();
  const late = await digestOf(context, ONE);
  expect(late).not.toBe(early);
  expect(late).toBe(await digestOf(context, ONE, assign));
});

function reportWith(facts: Readonly<Record<string, string>>): Report {
  return {
    runId: 'a-run',
    tag: null,
    digest: null,
    outcome: 'unchanged',
    startedAt: at('11:00'),
    durationMs: 1,
    changed: 0,
    facts,
  };
}
