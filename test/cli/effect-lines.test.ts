import { expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { previewLines } from '../../server/cli/effect-lines.ts';
import { painted } from '../../server/cli/patch-lines.ts';

const [T7, T8] = ['etchautotag-20261120-0700', 'etchautotag-20261120-0800'];
const file = (path: string) => ({ path, oldPath: null, status: 'added' as const, insertions: 1, deletions: 0 });

test('a preview ends with the files that move, what comes later, and which mark fits', () => {
  const files = ['a', 'b', 'c', 'd', 'e', 'f'].map(file);
  const move = { wave: 'production+4h', from: T8, to: T7, direction: 'back' } as const;
  const lines = previewLines({
    moves: [{ ...move, nodes: ['web1' as Hostname] }],
    waves: [move],
    pinned: [],
    staying: 2,
    unknown: ['what the nodetagger will answer'],
    takesEffect: { at: '2026-11-20T11:20:00.000Z', isAtOnce: true, settleSeconds: 2 },
    changes: [
      {
        from: { name: T8, commit: '8' },
        to: { name: T7, commit: '7' },
        size: { files: 8, insertions: 8, deletions: 0 },
        files: [{ ...file('new'), oldPath: 'old', status: 'renamed', insertions: null }, ...files],
        more: 1,
      },
    ],
    later: [
      {
        wave: 'production+4h',
        at: '2026-11-20T13:00:00.000Z',
        from: T8,
        to: T7,
        kind: 'back',
        sentence: 'production+4h would go back',
        nodes: 3,
      },
    ],
    advice: { state: 'badfwd', sentences: ['badfwd fits better than bad.', 'It only adds files.'] },
  });
  expect(lines).toEqual([
    `production+4h: ${T8} → ${T7} (BACK)`,
    'Of 3 known nodes 1 moves.',
    `  1 node of production+4h: ${T8} → ${T7} (BACK): web1`,
    `Files: ${T8} → ${T7}: 8 files, +8 −0`,
    '  R old → new',
    '  A a (+1 −0)',
    '  A b (+1 −0)',
    '  A c (+1 −0)',
    '  A d (+1 −0)',
    '  and 3 more files',
    'LATER: production+4h would go back (3 known nodes).',
    'Advice: badfwd fits better than bad.',
    'Advice: It only adds files.',
    'Not known: what the nodetagger will answer.',
  ]);
});

test('a patch on a terminal keeps its tabs, and nothing in it steers the terminal', () => {
  expect(painted('+a\tb\u001b[2J\n-c\n').map(({ ink }) => ink)).toEqual(['+a\tb[2J', '-c']);
});
