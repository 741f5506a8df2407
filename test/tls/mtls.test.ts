import { writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, type Certified, inHours, makeAuthority, type Wanted } from '../rig/certificates.ts';
import { until } from '../rig/until.ts';
import { sharedTlsServing, type TlsAsking, type TlsServing, tlsPlace, tlsServing } from './tls-serving.ts';

const HOST = 'web-1.example.com';
const OWN = `/v1/nodes/${HOST}`;

let nodes: Authority;
let web: Certified;
beforeAll(async () => {
  nodes = await makeAuthority('Nodes');
  web = await nodes.issue({ name: HOST });
});

/** A server to which hosts show certificates by `nodes`; none is revoked but those that are named. */
async function certifying(revoked?: readonly string[]): Promise<TlsServing> {
  const crl = revoked === undefined ? {} : { client_crl: await nodes.revocations({ revoked }) };
  const place = await tlsPlace({ client_ca: nodes.certificate, ...crl });
  return tlsServing(place, { 'auth.nodes': 'mtls' });
}

const server = sharedTlsServing((directory) => tlsPlace({ client_ca: nodes.certificate }, directory), {
  'auth.nodes': 'mtls',
});

describe('a host with a certificate', () => {
  test('asks for itself, and for nobody else', async () => {
    expect(await server().askTls(OWN, { as: web })).toMatchObject({ status: 200 });
    const other = await server().askTls('/v1/nodes/web-2.example.com', { as: web });
    expect([other.status, other.json()['code']]).toEqual([403, 'not-your-own']);
    const forPeople = await server().askTls('/v1/status', { as: web });
    expect(forPeople.status).toBe(403);
  });

  test('speaks for all DNS names of its certificate, whatever their case, and not for its common name beside them', async () => {
    const both = await nodes.issue({ name: 'cn.example.com', names: ['WEB-1.example.com', 'db-1.example.com'] });
    const status = async (name: string) => (await server().askTls(`/v1/nodes/${name}`, { as: both })).status;
    expect(await Promise.all([HOST, 'db-1.example.com', 'cn.example.com'].map(status))).toEqual([200, 200, 403]);
  });

  test('speaks for its common name where there is no other name', async () => {
    const old = await nodes.issue({ name: HOST, names: [] });
    expect((await server().askTls(OWN, { as: old })).status).toBe(200);
  });

  test('is not known by a wildcard, by what is no DNS name, or by a name inside of another', async () => {
    const kinds: Wanted['names'][] = [
      ['*.example.com'],
      [{ type: 'url', value: `https://x/, DNS:${HOST}` }],
      [{ type: 'email', value: `a@${HOST}` }],
      [`${HOST}.evil.example.com`],
    ];
    for (const names of kinds) {
      const as = await nodes.issue({ name: HOST, names: names ?? [] });
      const answer = await server().askTls(OWN, { as });
      expect([names, answer.status]).toEqual([names, names?.[0] === `${HOST}.evil.example.com` ? 403 : 401]);
    }
  });

  test('is known by a certificate of an authority below the one that is trusted, when it shows both', async () => {
    const below = await nodes.authority('Nodes of one site');
    const { certificate, key } = await below.issue({ name: HOST });
    expect((await server().askTls(OWN, { as: { certificate: certificate + below.certificate, key } })).status).toBe(
      200,
    );
    expect((await server().askTls(OWN, { as: { certificate, key } })).status).toBe(401);
  });
});

describe('a certificate that does not count', () => {
  const certificates: readonly [string, () => Promise<Certified>][] = [
    ['has expired', () => nodes.issue({ name: HOST, from: inHours(-48), until: inHours(-1) })],
    ['is not valid yet', () => nodes.issue({ name: HOST, from: inHours(1) })],
    ['was made for servers only', () => nodes.issue({ name: HOST, use: 'server' })],
    ['is by another authority', async () => (await makeAuthority('Somebody')).issue({ name: HOST })],
    ['is by another authority of the same name', async () => (await makeAuthority('Nodes')).issue({ name: HOST })],
  ];

  test('is told the same as none at all, and the same as a wrong token', async () => {
    const said = async (asking: TlsAsking) => {
      const { status, headers, text } = await server().askTls(OWN, asking);
      return [status, headers['www-authenticate'], text.replace(/"instance":"[^"]*"/, '')];
    };
    const nothing = await said({});
    expect(nothing.slice(0, 2)).toEqual([401, 'Bearer realm="tagwave"']);
    expect(await said({ headers: { Authorization: `Bearer twn_${'A'.repeat(43)}` } })).toEqual(nothing);
    for (const [, make] of certificates) expect(await said({ as: await make() })).toEqual(nothing);
  });

  test.each(certificates)('is one that %s', async (_what, make) => {
    expect((await server().askTls(OWN, { as: await make() })).status).toBe(401);
  });

  test('is one that was revoked before the server began', async () => {
    const server = await certifying([web.serial]);
    expect((await server.askTls(OWN, { as: web })).status).toBe(401);
    expect((await server.askTls(OWN, { as: await nodes.issue({ name: HOST }) })).status).toBe(200);
  });

  test('keeps nobody from showing a token', async () => {
    const foreign = await (await makeAuthority('Laptop')).issue({ name: 'alice' });
    const answer = await server().askTls('/v1/status', { as: foreign, headers: { Authorization: 'Bearer none' } });
    expect([answer.status, answer.json()['code']]).toEqual([401, 'unauthenticated']);
    expect((await server().askTls('/healthz', { as: foreign })).status).toBe(200);
  });

  test('does not speak for a host where tokens are asked for', async () => {
    const place = await tlsPlace({ client_ca: nodes.certificate });
    const server = await tlsServing(place, { 'auth.nodes': 'tokens' });
    expect((await server.askTls(OWN, { as: web })).status).toBe(401);
  });
});

/** One connection that stays open as long as the server lets it. */
function kept(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return agent;
}

describe('while connections stay open', () => {
  test('a certificate that is revoked stops counting, on the connection on which it was shown, too', async () => {
    const server = await certifying([]);
    const [agent, others] = [kept(), kept()];
    expect((await server.askTls(OWN, { as: web, agent })).status).toBe(200);
    const spared = await nodes.issue({ name: HOST });
    expect((await server.askTls(OWN, { as: spared, agent: others })).status).toBe(200);
    await server.place.put('client_crl', await nodes.revocations({ revoked: [web.serial] }));
    await until('the certificate to be refused', async () => {
      const answer = await server.askTls(OWN, { as: web, agent }).catch(() => undefined);
      return answer?.status === 401 || undefined;
    });
    const after = await server
      .askTls(OWN, { as: spared, agent: others })
      .catch(() => server.askTls(OWN, { as: spared }));
    expect(after.status).toBe(200);
  });

  test('who had asked and waits for the answer gets it, when others were revoked meanwhile', async () => {
    const server = await certifying([]);
    const { headers } = await server.askTls(OWN, { as: web });
    const known = { 'If-None-Match': String(headers['etag']) };
    const waiting = server.askTls(`${OWN}?wait=55`, { as: web, headers: known });
    const other = await nodes.issue({ name: 'web-2.example.com' });
    await server.place.put('client_crl', await nodes.revocations({ revoked: [other.serial] }));
    await until('the other to be out', async () => {
      const { status } = await server.askTls('/v1/nodes/web-2.example.com', { as: other });
      return status === 401 || undefined;
    });
    await writeFile(join(server.base, 'killswitch'), 'stop\n');
    expect((await waiting).status).toBe(423);
  });

  test('a certificate stops counting when its time is over', async () => {
    const server = await certifying();
    const agent = kept();
    const short = await nodes.issue({ name: HOST, until: new Date(Date.now() + 2_500) });
    expect((await server.askTls(OWN, { as: short, agent })).status).toBe(200);
    const refused = await until('its time to be over', async () => {
      const answer = await server.askTls(OWN, { as: short, agent });
      return answer.status === 200 ? undefined : answer;
    });
    expect([refused.status, refused.headers['connection']]).toEqual([401, 'close']);
  });

  test('hosts of a new authority are let in beside those of the old one, which are out when it is taken away', async () => {
    const server = await certifying();
    const successor = await makeAuthority('Nodes from next year on');
    const renewed = await successor.issue({ name: HOST });
    const agent = kept();
    expect((await server.askTls(OWN, { as: web, agent })).status).toBe(200);
    expect((await server.askTls(OWN, { as: renewed })).status).toBe(401);
    const turnsTo = (as: Certified, status: number) =>
      until(`the answer ${status}`, async () => {
        const answer = await server.askTls(OWN, { as, agent: as === web ? agent : kept() }).catch(() => undefined);
        return answer?.status === status || undefined;
      });
    await server.place.put('client_ca', nodes.certificate + successor.certificate);
    await turnsTo(renewed, 200);
    await turnsTo(web, 200);
    await server.place.put('client_ca', successor.certificate);
    await turnsTo(web, 401);
    await turnsTo(renewed, 200);
  });

  test('nobody is let in while the list of the revoked cannot be read or has expired, and it is a problem', async () => {
    const server = await certifying([]);
    const problems = () => server.app.context.problems.standing().map(({ sentence }) => sentence);
    const turnsTo = (status: number) =>
      until(`the answer ${status}`, async () => (await server.askTls(OWN, { as: web })).status === status || undefined);
    await turnsTo(200);
    await server.place.put('client_crl', 'no list\n');
    await turnsTo(401);
    await until('a problem', () => problems().some((text) => /client_crl.*no host is let in/.test(text)) || undefined);
    await server.place.put('client_crl', await nodes.revocations());
    await turnsTo(200);
    await server.place.put('client_crl', await nodes.revocations({ from: inHours(-2), until: inHours(-1) }));
    await turnsTo(401);
    await until('a problem', () => problems().some((text) => /client_crl expired/.test(text)) || undefined);
  });
});

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('with %s', (version) => {
  test('no session goes on that began before a certificate was revoked', async () => {
    const { port } = new URL(server().url);
    const open = (session?: Buffer): Promise<{ socket: TLSSocket; session: Buffer | undefined }> =>
      new Promise((resolve, reject) => {
        let kept: Buffer | undefined;
        const socket = connect({
          port: Number(port),
          host: '127.0.0.1',
          servername: 'localhost',
          ca: server().place.authority.certificate,
          cert: web.certificate,
          key: web.key,
          minVersion: version,
          maxVersion: version,
          ...(session === undefined ? {} : { session }),
        });
        socket.on('session', (data: Buffer) => {
          kept = data;
        });
        socket.on('error', reject);
        socket.on('data', () => resolve({ socket, session: kept ?? socket.getSession() }));
        socket.on('secureConnect', () => socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n'));
        onTestFinished(() => void socket.destroy());
      });
    const { session } = await open();
    expect(session).toBeInstanceOf(Buffer);
    const again = await open(session);
    expect(again.socket.isSessionReused()).toBe(false);
  });
});
