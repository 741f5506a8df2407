import { createServer, get, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { endSoon, sendWaiting } from '../../server/http/outbox.ts';

test('answers go out together at the end of the turn, or at once where somebody wants to close', async () => {
  const asked = await requests(3);
  for (const { response } of asked) endSoon(response.writeHead(200), 'all');
  expect(asked.map(({ response }) => response.writableEnded)).toEqual([false, false, false]);
  await turn();
  expect(asked.map(({ response }) => response.writableEnded)).toEqual([true, true, true]);
  expect(await Promise.all(asked.map(({ text }) => text))).toEqual(['all', 'all', 'all']);

  const [other] = await requests(1);
  if (other === undefined) throw new Error('one was asked for');
  endSoon(other.response.writeHead(304), null);
  sendWaiting();
  expect(other.response.writableEnded).toBe(true);
  expect(await other.text).toBe('');
});

test('nobody waits for more than 63 others', async () => {
  const asked = await requests(65);
  for (const { response } of asked) endSoon(response.writeHead(200), 'all');
  expect(asked.filter(({ response }) => response.writableEnded)).toHaveLength(64);
  await turn();
  expect(asked.filter(({ response }) => response.writableEnded)).toHaveLength(65);
  await Promise.all(asked.map(({ text }) => text));
});

test('an answer to nobody keeps no other one back', async () => {
  const [gone, there] = await requests(2);
  if (gone === undefined || there === undefined) throw new Error('two were asked for');
  endSoon(gone.response.writeHead(200), 'all');
  endSoon(there.response.writeHead(200), 'all');
  gone.response.destroy();
  await turn();
  expect(await there.text).toBe('all');
  expect(await gone.text).toBe('cut off');
});

test('an answer that cannot be sent costs nobody else theirs', async () => {
  const [wrong, right] = await requests(2);
  if (wrong === undefined || right === undefined) throw new Error('two were asked for');
  vi.spyOn(wrong.response, 'end').mockImplementation(() => {
    throw new Error('a defect');
  });
  endSoon(wrong.response.writeHead(200), 'all');
  endSoon(right.response.writeHead(200), 'all');
  await turn();
  expect(await right.text).toBe('all');
  expect(await wrong.text).toBe('cut off');
});

interface Asked {
  readonly response: ServerResponse;
  /** What the client gets. */
  readonly text: Promise<string>;
}

/** So many requests that wait for their answers. */
async function requests(count: number): Promise<Asked[]> {
  const asked: Asked[] = [];
  const texts = new Map<string, Promise<string>>();
  const server = createServer((request, response) => {
    asked.push({ response, text: texts.get(request.url ?? '') ?? Promise.resolve('') });
  });
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  for (let number = 0; number < count; number++) texts.set(`/${number}`, textOf(`http://127.0.0.1:${port}/${number}`));
  while (asked.length < count) await turn();
  return asked;
}

function textOf(url: string): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(text);
    });
    request.once('error', () => resolve('cut off'));
  });
}
