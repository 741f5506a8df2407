import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Authority, inHours, makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { enrolmentServer } from './enrolment-server.ts';
import { runClient, runProcess } from './run-client.ts';

const LOOPBACK = { type: 'ip', value: '127.0.0.1' } as const;

let authority: Authority;
let stranger: Authority;
beforeAll(async () => {
  authority = await makeAuthority();
  stranger = await makeAuthority('Somebody else');
});

async function serverBy(signer: Authority, wanted: { from?: Date; until?: Date; names?: string[] } = {}) {
  const { names, ...times } = wanted;
  const { certificate, key } = await signer.issue({ name: 'server', names: names ?? [LOOPBACK], ...times });
  return enrolmentServer({ cert: certificate, key });
}

/** Files of this host, in a directory of its own, with the flags that name it. */
async function hostFiles(files: Readonly<Record<string, string>> = {}) {
  const target = await disposableDirectory();
  const write = async (name: string, text: string, mode = 0o644): Promise<string> => {
    await writeFile(join(target, name), text, { mode });
    return join(target, name);
  };
  for (const [name, text] of Object.entries(files)) await write(name, text);
  const args = (command: string, url: string, ...more: readonly string[]) => [
    ...[command, '--server', url, '--hostname', 'web1', '--target', target],
    ...more,
  ];
  return { target, write, args };
}

describe('over https', () => {
  test('the token goes to a server whose certificate is of the CA that --ca names, and to no other', async () => {
    const right = await serverBy(authority);
    const wrong = await serverBy(stranger);
    const { args, target } = await hostFiles({ 'ca.pem': authority.certificate });
    const ca = ['--ca', join(target, 'ca.pem')];
    expect(await runClient(args('enroll', right.url, ...ca))).toMatchObject({ code: 0 });
    expect(await runClient(args('poll', right.url, ...ca, '--verbose'))).toMatchObject({ code: 4 });
    expect(right.heard.at(-1)?.authorization).toMatch(/^Bearer twn_/);
    for (const command of ['poll', 'enroll']) {
      const refused = await runClient(args(command, wrong.url, ...ca));
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('nobody whom this host believes') });
    }
    // A CA of one's own is nobody whom Node knows.
    expect(await runClient(args('poll', right.url, '--verbose'))).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('ca names the file of your CA'),
    });
    expect(wrong.heard).toEqual([]);
  });

  test('the token does not go to a server whose certificate has expired, is not valid yet, or is for another name', async () => {
    const { args, target } = await hostFiles({ 'ca.pem': authority.certificate });
    await writeFile(join(target, 'token'), `twn_${'t'.repeat(43)}\n`, { mode: 0o600 });
    const flaws: [Parameters<typeof serverBy>[1], string][] = [
      [{ from: inHours(-2), until: inHours(-1) }, 'its certificate has expired'],
      [{ from: inHours(1), until: inHours(2) }, 'its certificate is not valid yet'],
      [{ names: ['other.example.com'] }, 'its certificate is for another name'],
    ];
    for (const [wanted, why] of flaws) {
      const server = await serverBy(authority, wanted);
      const refused = await runClient(args('poll', server.url, '--ca', join(target, 'ca.pem'), '--verbose'));
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining(why) });
      expect(server.heard).toEqual([]);
    }
  });

  test('no variable of the environment turns the look at the certificate off, and one may add a CA', async () => {
    const server = await serverBy(authority);
    const { args, target } = await hostFiles({ 'ca.pem': authority.certificate });
    const off = await runProcess(args('enroll', server.url), { env: { NODE_TLS_REJECT_UNAUTHORIZED: '0' } });
    expect(off.code).toBe(1);
    expect(server.heard).toEqual([]);
    const added = await runProcess(args('enroll', server.url), {
      env: { NODE_EXTRA_CA_CERTS: join(target, 'ca.pem') },
    });
    expect(added).toMatchObject({ code: 0 });
  });

  test('a host shows its own certificate where it has one, and needs no token then', async () => {
    const own = await authority.issue({ name: 'web1', use: 'client' });
    const { certificate, key } = await authority.issue({ name: 'server', names: [LOOPBACK] });
    const shown: unknown[] = [];
    const tls = { cert: certificate, key, ca: authority.certificate, requestCert: true, rejectUnauthorized: true };
    const server = createServer(tls, (request, response) => {
      shown.push((request.socket as TLSSocket).getPeerCertificate().subject.CN, request.headers.authorization);
      response.writeHead(409, { 'Content-Type': 'application/json' }).end('{}');
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const { args, write } = await hostFiles();
    const ca = ['--ca', await write('ca.pem', authority.certificate)];
    const cert = ['--cert', await write('cert.pem', own.certificate)];
    const file = await write('key.pem', own.key, 0o600);
    expect(await runClient(args('poll', url, ...ca, ...cert, '--key', file))).toMatchObject({ code: 4 });
    expect(new Set(shown)).toEqual(new Set(['web1', undefined]));
    const before = shown.length;
    expect(await runClient(args('poll', url, ...ca, '--verbose'))).toMatchObject({ code: 1 });

    const open = await write('open.pem', own.key, 0o644);
    for (const [flags, code, why] of [
      [[...cert, '--key', open], 1, /chmod 600 .*open\.pem/],
      [[...cert, '--key', await write('none.pem', 'no key\n', 0o600)], 1, /has no key in PEM/],
      [
        [...cert, '--key', await write('other.pem', (await stranger.issue({ name: 'x' })).key, 0o600)],
        1,
        /cannot be used/,
      ],
      [['--cert', await write('text.pem', 'no certificate\n'), '--key', file], 1, /has no certificate in PEM/],
      [cert, 2, /a certificate takes its key/],
    ] as const) {
      const refused = await runClient(args('poll', url, ...ca, ...flags, '--verbose'));
      expect(refused, String(why)).toMatchObject({ code, stderr: expect.stringMatching(why) });
      expect(refused.stderr).not.toContain(own.key.split('\n')[1]);
    }
    expect(shown).toHaveLength(before);
    expect(await readFile(file, 'utf8')).toBe(own.key);
  });
});
