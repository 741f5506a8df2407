import { expect, test } from 'vitest';
import { onNews, tell } from '../../server/web/live.ts';

test('news of a topic is told once to whoever asked for it, and to nobody else', () => {
  const heard: string[] = [];
  const stop = [
    onNews(['map', 'nodes'], () => heard.push('map and nodes')),
    onNews(['tags'], () => heard.push('tags')),
    onNews([], () => heard.push('nothing')),
  ];
  tell(['map', 'nodes']);
  expect(heard).toEqual(['map and nodes']);
  for (const end of stop) end();
  tell(['map', 'nodes', 'tags']);
  expect(heard).toEqual(['map and nodes']);
});

test('what two asked for with one listener is told once, and on and on after one of them has gone', () => {
  let times = 0;
  const listener = (): void => {
    times++;
  };
  const stopOne = onNews(['map'], listener);
  const stopOther = onNews(['map', 'killswitch'], listener);
  tell(['map']);
  expect(times).toBe(1);
  stopOther();
  tell(['map']);
  expect(times).toBe(2);
  stopOne();
  tell(['map']);
  expect(times).toBe(2);
});
