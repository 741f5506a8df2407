import { rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { systemClock } from '../../server/adapters/system-clock.ts';
import { openExchanges } from '../../server/http/exchange.ts';
import { addressOf } from '../../server/http/socket-address.ts';
import { answer } from '../../server/operations/answer.ts';
import { openBulletin } from '../../server/workers/bulletin.ts';
import { accessBy, type Bulletin, onLine } from '../../server/workers/bulletin-lines.ts';
import { openFilesTrace } from '../../server/workers/files-trace.ts';
import { openReplica } from '../../server/workers/replica.ts';
import { ask, type Serving, serving } from '../http/serving.ts';
import { quiet } from '../rig/server.ts';
import { until } from '../rig/until.ts';

const HOST = 'web1.example.com' as Hostname;
const WEB = `/v1/nodes/${HOST}`;

let server: Serving;
let path: string;

/** A head that answers by itself, and tells doors what stands. */
beforeEach(async () => {
  server = await serving({ onceOnly: true });
  await mkdir(join(server.base, 'var', 'head'));
  path = join(server.base, 'var', 'head', 'bulletin');
  const bulletin = openBulletin(server.app.context, path);
  await bulletin.listen();
  onTestFinished(bulletin.close);
});

interface BareDoor {
  readonly url: string;
  /** Done when a question is there, before it is answered. */
  before: () => Promise<void>;
}

/** What a door answers by itself: 504 where it would ask the head. */
async function openBareDoor(): Promise<BareDoor> {
  const exchanges = openExchanges({ log: quiet, prefix: 'door', onEnd: () => undefined });
  const replica = openReplica({
    files: openFilesTrace(server.base),
    exchanges,
    log: quiet,
    mostNodes: 10,
    clock: systemClock,
    credentials: server.app.context.credentials,
    access: accessBy(server.app.settings),
  });
  replica.follow(path);
  let door: BareDoor | undefined;
  const http = createServer(async (request, response) => {
    await door?.before();
    if (!replica.answered(request, response)) response.writeHead(504).end();
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    http.close();
    await replica.leave();
  });
  door = { url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`, before: async () => undefined };
  return door;
}

const answeredBy = (url: string) =>
  until('the door to answer by itself', async () => {
    const answered = await ask(url, WEB);
    return answered.status === 504 ? undefined : answered;
  });

/** The head tells the host to stop, and the reason for it goes away: in one turn, in which no door hears of it. */
async function stopInBetween(): Promise<void> {
  const { context } = server.app;
  const file = join(server.base, 'killswitch');
  writeFileSync(file, 'for a moment\n');
  const found = await answer(context, { hostname: HOST });
  if (found.kind !== 'killswitch') throw new Error(`${found.kind} under the killswitch`);
  context.fleet.note({ hostname: HOST, at: context.time.now(), running: null, told: found.told });
  rmSync(file);
}

test('no door goes on with an answer that the head has ended, though everything looks as before', async () => {
  const first = await server.ask(WEB);
  const door = await openBareDoor();
  expect((await answeredBy(door.url)).text).toBe(first.text);
  door.before = stopInBetween;
  expect((await ask(door.url, WEB)).status).toBe(504);
  door.before = async () => undefined;
  const again = await server.ask(WEB);
  expect(again.headers.etag).toBe(first.headers.etag);
  expect(again.json()['decidedAt']).not.toBe(first.json()['decidedAt']);
  expect((await answeredBy(door.url)).text).toBe(again.text);
});

/** The number by which doors say that they told the host what it is told now. */
function numberGiven(socket: Socket): Promise<number> {
  return new Promise((resolve) => {
    onLine(socket, (line) => {
      const said: Bulletin = JSON.parse(line);
      if (said.kind !== 'seats') return;
      for (const [hostname, , told] of said.seats) if (hostname === HOST) resolve(told);
    });
  });
}

test('what a door said late is counted, and does not replace what the host was told since', async () => {
  const { fleet } = server.app.context;
  await server.ask(WEB);
  const socket = connect(addressOf(path));
  onTestFinished(() => {
    socket.destroy();
  });
  const number = await numberGiven(socket);
  writeFileSync(join(server.base, 'killswitch'), 'stop\n');
  expect((await server.ask(WEB)).status).toBe(423);
  const stopped = fleet.told(HOST);
  const polls = fleet.seat(HOST)?.polls ?? 0;
  socket.write(`${JSON.stringify({ told: { [number]: `${HOST}:1000` }, running: [] })}\n`);
  await until('what the door said', async () => {
    const { nodes } = (await server.ask('/v1/nodes')).json() as { nodes: { polls: number }[] };
    return (nodes[0]?.polls ?? 0) >= polls + 1000 || undefined;
  });
  expect(stopped?.outcome).toBe('killswitch');
  expect(fleet.told(HOST)).toBe(stopped);
});
