import { createServer, get, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { expect, onTestFinished, test } from 'vitest';
import { messagesOf } from '../../server/http/messages.ts';

test('what Express is given has its prototypes already, so that they stay as they are', async () => {
  const app = express();
  const before: object[] = [];
  const within: object[] = [];
  app.get('/', (request, response) => {
    within.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
    response.type('text').send(`${request.query['what']} ${request.app === app}`);
  });
  const url = await listening(messagesOf(app), (request, response) => {
    before.push(Object.getPrototypeOf(request), Object.getPrototypeOf(response));
    app(request, response);
  });
  expect(await textOf(`${url}?what=asked`)).toBe('asked true');
  expect(before).toHaveLength(2);
  expect(within[0]).toBe(before[0]);
  expect(within[1]).toBe(before[1]);
});

async function listening(
  messages: ReturnType<typeof messagesOf>,
  listener: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(messages, listener);
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

function textOf(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(text);
    }).once('error', reject);
  });
}
