import { describe, expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { answerOf, compareAnswers, directionOf, type NodeAnswer } from '../../server/core/effect.ts';

const [T7, T8] = ['etchautotag-20261120-0700', 'etchautotag-20261120-0800'];
const node = (hostname: string, answer: string, more: Partial<NodeAnswer> = {}): NodeAnswer => ({
  hostname: hostname as Hostname,
  wave: 'production+4h',
  answer,
  pinned: false,
  ...more,
});

describe('the direction of a move', () => {
  test.each([
    [T7, T8, 'forward'],
    [T8, T7, 'back'],
    [T8, 'trunk', 'forward'],
    ['trunk', T8, 'back'],
    [T8, 'killswitch', 'stops'],
    [T8, 'hold no-newer-tag', 'stops'],
    ['hold no-newer-tag', 'killswitch', 'stops'],
    ['killswitch', 'hold no-newer-tag', 'changes'],
    ['hold bad-pin', 'hold unknown-tag', 'changes'],
    ['killswitch', T8, 'resumes'],
    ['hold bad-pin', 'trunk', 'resumes'],
  ])('from %s to %s is: %s', (from, to, direction) => {
    expect(directionOf(from, to)).toBe(direction);
  });
});

describe('an effect', () => {
  test('has the nodes that move by wave, from and to, the largest move first, and counts the rest', () => {
    const before = [node('a', T8), node('b', T8), node('c', T8, { wave: 'dev' }), node('d', T7)];
    const after = [node('a', T7), node('b', T7), node('c', T7, { wave: 'dev' }), node('d', T7)];
    expect(compareAnswers(before, after)).toEqual({
      moves: [
        { wave: 'production+4h', from: T8, to: T7, direction: 'back', nodes: ['a', 'b'] },
        { wave: 'dev', from: T8, to: T7, direction: 'back', nodes: ['c'] },
      ],
      pinned: [],
      staying: 1,
    });
  });

  test('names who is pinned and stays; who is pinned and moves is among the moves', () => {
    const before = [node('a', T8, { pinned: true }), node('b', T8, { pinned: true })];
    const after = [node('a', T8, { pinned: true }), node('b', 'killswitch')];
    expect(compareAnswers(before, after)).toEqual({
      moves: [{ wave: 'production+4h', from: T8, to: 'killswitch', direction: 'stops', nodes: ['b'] }],
      pinned: [{ hostname: 'a', tag: T8 }],
      staying: 1,
    });
  });

  test('of nothing is nothing', () => {
    expect(compareAnswers([], [])).toEqual({ moves: [], pinned: [], staying: 0 });
  });
});

test('an answer is a tag, trunk, a hold with its code, or the killswitch', () => {
  const message = '';
  const reasons: string[] = [];
  expect(answerOf({ outcome: 'serve', tag: 'trunk', reasons })).toBe('trunk');
  expect(answerOf({ outcome: 'hold', hold: 'bad-pin', message, reasons })).toBe('hold bad-pin');
  expect(answerOf({ outcome: 'killswitch', environment: null, message, reasons })).toBe('killswitch');
});
