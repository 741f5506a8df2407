import { describe, expect, test } from 'vitest';
import { type AdviceQuestion, adviseMark, type ChangeCounts } from '../../server/core/advice.ts';
import { tagAt } from './worlds.ts';

const NONE: ChangeCounts = { added: 0, modified: 0, deleted: 0, renamed: 0, type: 0 };
const [T7, T8, T9, T11] = [tagAt(7), tagAt(8), tagAt(9), tagAt(11)];
const STAYS = "in place on hosts that do not use Tagwave's own client, which removes what a release no longer has";

function advice(more: Partial<AdviceQuestion>) {
  return adviseMark({
    state: 'bad',
    tags: [T8],
    before: T7,
    changes: [{ ...NONE, modified: 1 }],
    next: null,
    holding: [],
    sentOn: [],
    ...more,
  });
}

describe('which mark fits', () => {
  test('a change of what was there before is undone by going back', () => {
    expect(advice({})).toEqual({
      state: 'bad',
      sentences: [`Compared with ${T7}, ${T8} changes or removes 1 file: going back (bad) undoes that.`],
    });
  });

  test.each(['modified', 'deleted', 'renamed', 'type'] as const)('one file that is %s is enough for that', (how) => {
    expect(advice({ changes: [{ ...NONE, added: 9, [how]: 1 }] })).toEqual({
      state: 'bad',
      sentences: [
        `Compared with ${T7}, ${T8} changes or removes 1 file: going back (bad) undoes that. The 9 files added besides stay ${STAYS}.`,
      ],
    });
  });

  test('a change that only adds files stays where hosts go back, so going on fits', () => {
    const adds = { changes: [{ ...NONE, added: 1 }], next: { tag: T9, isSameContent: false } };
    expect(advice(adds)).toEqual({
      state: 'badfwd',
      sentences: [
        'badfwd fits better than bad.',
        `Compared with ${T7}, ${T8} only adds 1 file: after going back (bad) it stays ${STAYS}; going on to a tag that holds the fix (badfwd) reaches every host.`,
        `badfwd sends whoever is due one of them to ${T9} at once: make sure that the fix is in it.`,
      ],
    });
    const forward = advice({ ...adds, state: 'badfwd', sentOn: [{ wave: 'production+4h', tag: T9 }] });
    expect(forward).toMatchObject({
      state: 'badfwd',
      sentences: [/only adds 1 file/, /^badfwd sends production\+4h to/].map((text) => expect.stringMatching(text)),
    });
  });

  test('of several tags the one that changes most counts', () => {
    const changes = [
      { ...NONE, added: 2 },
      { ...NONE, added: 3, modified: 1 },
    ];
    expect(advice({ tags: [T8, T9], changes })).toEqual({
      state: 'bad',
      sentences: [
        `Compared with ${T7}, these tags change or remove 1 file: going back (bad) undoes that. The 3 files added besides stay ${STAYS}.`,
      ],
    });
  });

  test('badfwd that leads nowhere yet is warned of: who holds, and that the killswitch is to stay', () => {
    const holding = ['qa+1h', 'production+4h'];
    expect(advice({ state: 'badfwd', holding, changes: [{ ...NONE, added: 1 }] })?.sentences.at(-1)).toBe(
      'There is no newer tag yet that could be served: with badfwd, qa+1h, production+4h hold (hold no-newer-tag) and keep what is there until there is one. Keep the killswitch until the fix is in a tag.',
    );
    expect(advice({ state: 'badfwd' })).toMatchObject({
      state: 'bad',
      sentences: [
        'bad fits better than badfwd.',
        expect.stringContaining('undoes that'),
        expect.stringContaining('with badfwd, whoever is due one of them holds'),
      ],
    });
  });

  test('badfwd that leads to the same content is warned of', () => {
    const next = { tag: T11, isSameContent: true };
    expect(advice({ state: 'badfwd', next, sentOn: [{ wave: 'qa+1h', tag: T11 }] })?.sentences.at(-1)).toBe(
      `badfwd sends qa+1h to ${T11} at once, and that holds the same files as ${T8}: the fix is not in it. Mark it, too, and keep the killswitch until the fix is in a tag.`,
    );
  });

  test('a tag that changes nothing has nothing to go back from', () => {
    expect(advice({ changes: [NONE] })).toEqual({
      state: 'bad',
      sentences: [`Compared with ${T7}, ${T8} changes no file: going back alters nothing on any host.`],
    });
  });

  test('where nothing older is fine, or it cannot be looked at, nothing is said for one of them', () => {
    expect(advice({ before: null, changes: [] })).toBeNull();
    expect(advice({ changes: [] })).toBeNull();
    expect(advice({ before: null, changes: [], state: 'badfwd', next: { tag: T9, isSameContent: false } })).toEqual({
      state: 'badfwd',
      sentences: [`badfwd sends whoever is due one of them to ${T9} at once: make sure that the fix is in it.`],
    });
  });
});
