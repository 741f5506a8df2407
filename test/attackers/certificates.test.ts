import { beforeAll, describe, expect, test } from 'vitest';
import { type Authority, inHours, makeAuthority } from '../rig/certificates.ts';
import { sharedTlsServing, type TlsAsking, tlsPlace } from '../tls/tls-serving.ts';
import { makeTokens, type Tokens } from './people.ts';
import { ACTIONS, type Certified, statusOf, WITH_CERTIFICATES } from './table.ts';

let nodes: Authority;
let shown: Readonly<Record<Certified, TlsAsking>>;

beforeAll(async () => {
  nodes = await makeAuthority('Nodes');
});

const server = sharedTlsServing((directory) => tlsPlace({ client_ca: nodes.certificate }, directory), {
  'auth.nodes': 'mtls',
  'http.local_changes': false,
});

beforeAll(async () => {
  const { app, clock } = server();
  shown = await waysOf(await makeTokens(app.context.credentials, clock.now()));
});

/** What each shows of itself. */
async function waysOf({ own, viewer, admin }: Tokens): Promise<typeof shown> {
  const bearer = (token: string) => ({ headers: { Authorization: `Bearer ${token}` } });
  const as = await nodes.issue({ name: 'web1' });
  return {
    'no certificate': {},
    'its own certificate': { as },
    "another host's certificate": { as: await nodes.issue({ name: 'web2' }) },
    'a certificate of another authority': { as: await (await makeAuthority('Nodes')).issue({ name: 'web1' }) },
    'a certificate that has expired': {
      as: await nodes.issue({ name: 'web1', from: inHours(-48), until: inHours(-1) }),
    },
    'a token of a host': bearer(own),
    viewer: bearer(viewer),
    admin: bearer(admin),
    'its own certificate with a token that never was': { as, ...bearer(`twa_${'A'.repeat(43)}`) },
    'a certificate in a header': {
      headers: { 'tagwave-door-names': 'web1', 'X-Client-Cert': as.certificate.replaceAll('\n', ' ') },
    },
  };
}

describe('where hosts have certificates', () => {
  test.each(Object.entries(WITH_CERTIFICATES))(
    '%s gets as far as the table says, on every route',
    async (name, row) => {
      const found: unknown[] = [];
      for (const action of ACTIONS) {
        const { method, path, json, route } = action;
        const body = method === 'GET' ? {} : { json: json ?? {} };
        const answer = await server().askTls(path, { ...shown[name as Certified], method, ...body });
        const wanted = statusOf(row, action, false);
        const was = answer.status;
        if (was !== wanted) found.push({ route, wanted, was, said: answer.text });
      }
      expect(found).toEqual([]);
    },
  );
});
