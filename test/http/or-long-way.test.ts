import type { IncomingMessage, ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { orLongWay } from '../../server/http/or-long-way.ts';
import type { Log } from '../../server/ports/common.ts';

const request = {} as IncomingMessage;
const silent = () => undefined;

test('a mistake in the short way of an answer is logged, and costs one request at most', () => {
  const errors: unknown[] = [];
  const log: Log = { debug: silent, info: silent, warn: silent, error: (_message, fields) => errors.push(fields) };
  const broken = orLongWay(() => {
    throw new Error('a mistake');
  }, log);
  expect(broken(request, { headersSent: false } as ServerResponse)).toBe(false);
  let destroyed = 0;
  const half = { headersSent: true, destroy: () => destroyed++ } as unknown as ServerResponse;
  expect(broken(request, half)).toBe(true);
  expect([destroyed, errors.length]).toEqual([1, 2]);
  expect(orLongWay(() => true, log)(request, half)).toBe(true);
});
