import { X509Certificate } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hostnamesOf } from '../../server/core/certificate-names.ts';
import { readRevocationList, readSubject } from '../../server/core/revocation-list.ts';
import { inHours, makeAuthority } from '../rig/certificates.ts';

function derOf(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/^-----.*$/gm, ''), 'base64');
}

test.each([
  [
    'CN=a.example.com',
    'DNS:b.example.com, IP Address:192.0.2.1, DNS:C.example.com.',
    ['b.example.com', 'c.example.com'],
  ],
  ['CN=a.example.com', 'IP Address:192.0.2.1', []],
  ['CN=a.example.com', 'DNS:"b.example.com\\u002c DNS:evil.example.com"', []],
  ['CN=a.example.com', 'URI:"http://x/\\", DNS:evil.example.com", DNS:b.example.com', ['b.example.com']],
  ['CN=a.example.com', 'DNS:b.example.com, what is this', []],
  ['CN=a.example.com', 'DNS:*.example.com, DNS:b_c.example.com', []],
  ['C=DE\nCN=a.example.com', undefined, ['a.example.com']],
  ['CN=a.example.com\nCN=b.example.com', undefined, []],
  ['O=x CN=a.example.com', undefined, []],
  ['CN=a.example.com + OU=x', undefined, []],
  ['', undefined, []],
])('a certificate of %j with %j speaks for %j', (subject, subjectAltName, hostnames) => {
  expect(hostnamesOf({ subject, subjectAltName })).toEqual(hostnames);
});

test('one that names more hosts than there can be speaks for none', () => {
  const names = Array.from({ length: 101 }, (_, index) => `DNS:web-${index}.example.com`);
  expect(hostnamesOf({ subject: '', subjectAltName: names.slice(1).join(', ') })).toHaveLength(100);
  expect(hostnamesOf({ subject: '', subjectAltName: names.join(', ') })).toEqual([]);
});

test('a list of revoked certificates tells who made it, and for how long it stands', async () => {
  const authority = await makeAuthority('Nodes');
  const [from, until] = [new Date('2026-01-02T03:04:05Z'), inHours(5)];
  const list = readRevocationList(derOf(await authority.revocations({ from, until, revoked: ['5a'] })));
  const subject = readSubject(new X509Certificate(authority.certificate).raw);
  expect(list).toEqual({
    issuer: subject,
    from: from.getTime(),
    until: Math.floor(until.getTime() / 1000) * 1000,
  });
  expect(subject).toContain(Buffer.from('Nodes').toString('hex'));
});

test('what is no list is told apart, whatever it is', async () => {
  const authority = await makeAuthority();
  const der = derOf(await authority.revocations());
  expect(readRevocationList(derOf(authority.certificate))).toBeUndefined();
  fc.assert(fc.property(fc.nat(der.length - 1), (length) => readRevocationList(der.subarray(0, length)) === undefined));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const list = readRevocationList(bytes);
      return list === undefined || list.until > 0;
    }),
  );
});
