import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { expect, onTestFinished, test } from 'vitest';
import { countedAs } from '../../server/http/limits.ts';
import { MOST_PIPELINED } from '../../server/http/pipeline.ts';
import { until } from '../rig/until.ts';
import { type Answer, ask, type Serving, serving, sharedServing } from './serving.ts';

const server = sharedServing();

interface Wire {
  readonly socket: Socket;
  readonly said: () => string;
}

async function wireTo({ url }: Pick<Serving, 'url'>): Promise<Wire> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('latin1').on('data', (piece: string) => (text += piece));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, said: () => text };
}

const poll = (host: string, query = '') => `GET /v1/nodes/${host}${query} HTTP/1.1\r\nHost: localhost\r\n\r\n`;

/** What the server knows that a host has now, so that it can wait for something else. */
async function etagOf(host: string): Promise<string> {
  return String((await server().ask(`/v1/nodes/${host}`)).headers.etag);
}

const waits = (host: string, etag: string) =>
  `GET /v1/nodes/${host}?wait=50 HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: ${etag}\r\n\r\n`;

/** How many requests of a host have been finished, as the log has it. */
function finished(host: string, route = '/v1/nodes/:hostname'): Record<string, unknown>[] {
  return server()
    .logged()
    .filter((line) => line['message'] === 'request' && line['route'] === route && line['hostname'] === host);
}

/** An address of this machine at which it is reached as if from another one. */
function addressOutside(): string | undefined {
  const all = Object.values(networkInterfaces()).flat();
  return all.find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
}

test('an address has as many connections as it may, more are closed at once, and one that is closed makes room', async (context) => {
  const address = addressOutside();
  if (address === undefined) return context.skip('this machine has no address beyond loopback');
  const settings = { listen: `${address}:0`, 'auth.nodes': 'none', 'http.connections_per_address': 3 };
  const few = await serving({ settings, onceOnly: true });
  const isOpen = async (wire: Wire): Promise<boolean> => {
    wire.socket.write(poll('web1'));
    await until('an answer or the end', () => wire.said() !== '' || wire.socket.closed || undefined);
    return wire.said().startsWith('HTTP/1.1 200');
  };
  const wires: Wire[] = [];
  for (let count = 0; count < 6; count++) {
    const wire = await wireTo(few);
    wires.push(wire);
    expect([count, await isOpen(wire)]).toEqual([count, count < 3]);
  }
  const refused = few.logged().filter((line) => line['setting'] === 'http.connections_per_address');
  expect(refused).toEqual([expect.objectContaining({ level: 'warn', limit: 3, address })]);
  wires[0]?.socket.destroy();
  const answer = await until('room for another', () => ask(few.url, '/v1/nodes/web1').catch(() => undefined));
  expect((answer as Answer).status).toBe(200);
});

test('proxies that are believed, and this machine, have as many connections as they like', async (context) => {
  const address = addressOutside();
  if (address === undefined) return context.skip('this machine has no address beyond loopback');
  const settings = {
    'auth.nodes': 'none',
    'http.connections_per_address': 2,
    'http.trust_proxy': [`${address}/32`],
  };
  const behind = await serving({ settings: { ...settings, listen: `${address}:0` }, onceOnly: true });
  const here = await serving({ settings, onceOnly: true });
  for (const one of [behind, here]) {
    const wires = await Promise.all(Array.from({ length: 6 }, () => wireTo(one)));
    for (const wire of wires) {
      wire.socket.write(poll('web1'));
      await until('an answer', () => wire.said().startsWith('HTTP/1.1 200') || undefined);
    }
  }
});

test('of IPv6 the network counts, whose addresses are all of the same owner, and this machine never does', () => {
  const cases: readonly (readonly [string | undefined, string | undefined])[] = [
    [undefined, undefined],
    ['127.0.0.1', undefined],
    ['127.8.8.8', undefined],
    ['::1', undefined],
    ['::ffff:127.0.0.1', undefined],
    ['192.0.2.1', '192.0.2.1'],
    ['::ffff:192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:db8:1:2:9999::1', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['2001:db8::2:3:4:5', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::2', '0:0:0:0::/64'],
  ];
  for (const [address, key] of cases) expect([address, countedAs(address)]).toEqual([address, key]);
});

test('some polls that are sent at once on one connection are answered in turn', async () => {
  const wire = await wireTo(server());
  const hosts = Array.from({ length: MOST_PIPELINED }, (_, index) => `turn${index}`);
  wire.socket.write(hosts.map((host) => poll(host)).join(''));
  await until('all answers', () => wire.said().split('HTTP/1.1 200').length === hosts.length + 1 || undefined);
  const told = [...wire.said().matchAll(/"hostname":"(turn\d+)"/g)].map(([, host]) => host);
  expect(told).toEqual(hosts);
});

test('a connection on which far more is asked than answered is cut off, and others are served', async () => {
  const etag = await etagOf('eager');
  const wire = await wireTo(server());
  wire.socket.write(waits('eager', etag).repeat(2_000));
  await until('the end of the connection', () => wire.socket.closed || undefined);
  expect((await server().ask('/v1/nodes/web1')).status).toBe(200);
  expect(server().logText()).toContain('more was asked on it than is answered');
  expect(finished('eager').length).toBeLessThan(2 * MOST_PIPELINED);
});

test('who waits behind another one on a connection that is cut off waits no longer', async () => {
  const etag = await etagOf('queued');
  const before = finished('queued').length;
  const wire = await wireTo(server());
  wire.socket.write(waits('queued', etag).repeat(3));
  // What was sent before on another connection has arrived once this is answered.
  expect((await server().ask('/v1/nodes/web1')).status).toBe(200);
  wire.socket.destroy();
  await until('all three to end', () => finished('queued').length === before + 3 || undefined);
  expect(finished('queued').slice(before)).toEqual(Array(3).fill(expect.objectContaining({ cutOff: true })));
});

test('what is sent along with a question that has no body is read and thrown away', async () => {
  const wire = await wireTo(server());
  const megabyte = 'x'.repeat(1024 * 1024);
  wire.socket.write(
    `GET /v1/nodes/web1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${16 * megabyte.length}\r\n\r\n`,
  );
  for (let sent = 0; sent < 16; sent++) if (!wire.socket.write(megabyte)) await once(wire.socket, 'drain');
  wire.socket.write(poll('web2'));
  await until('both answers', () => wire.said().split('HTTP/1.1 200').length === 3 || undefined);
});
