import { expect, test } from 'vitest';
import type { Hostname } from '../../protocol/names.ts';
import { throughProxies } from '../../server/http/forwarded.ts';

const TRUSTED = ['127.0.0.1', '10.0.0.0/8', '2001:db8::/32'];

interface Row {
  readonly what: string;
  /** Whose connection it is. */
  readonly from: string | undefined;
  readonly for?: string;
  readonly proto?: string;
  readonly trusted?: readonly string[];
  readonly address: string | undefined;
  readonly isEncrypted?: boolean;
  readonly isProxied: boolean;
}

const ROWS: readonly Row[] = [
  { what: 'nobody stands in between', from: '203.0.113.7', address: '203.0.113.7', isProxied: false },
  {
    what: 'somebody says that they were asked for somebody else',
    from: '203.0.113.7',
    for: '127.0.0.1',
    proto: 'https',
    address: '203.0.113.7',
    isProxied: false,
  },
  {
    what: 'no proxy is trusted',
    from: '127.0.0.1',
    for: '203.0.113.7',
    proto: 'https',
    trusted: [],
    address: '127.0.0.1',
    isProxied: false,
  },
  {
    what: 'a trusted proxy says for whom it asks',
    from: '127.0.0.1',
    for: '203.0.113.7',
    proto: 'https',
    address: '203.0.113.7',
    isEncrypted: true,
    isProxied: true,
  },
  {
    what: 'it was asked in plain HTTP',
    from: '127.0.0.1',
    for: '203.0.113.7',
    proto: 'http',
    address: '203.0.113.7',
    isProxied: true,
  },
  {
    what: 'it names the port, too',
    from: '127.0.0.1',
    for: '203.0.113.7:4711',
    proto: 'https',
    address: '203.0.113.7',
    isEncrypted: true,
    isProxied: true,
  },
  {
    what: 'it names the port of an IPv6 address, too',
    from: '127.0.0.1',
    for: '[2001:470::7]:4711',
    proto: 'https',
    address: '2001:470::7',
    isEncrypted: true,
    isProxied: true,
  },
  { what: 'it says nothing', from: '10.1.2.3', address: '10.1.2.3', isProxied: true },
  {
    what: 'the one who asked it had put an address there',
    from: '127.0.0.1',
    for: '127.0.0.1, 203.0.113.7',
    proto: 'https',
    address: '203.0.113.7',
    isEncrypted: true,
    isProxied: true,
  },
  {
    what: 'one trusted proxy was asked by another',
    from: '127.0.0.1',
    for: '198.51.100.1, 203.0.113.7, 10.9.9.9',
    proto: 'https',
    address: '203.0.113.7',
    isEncrypted: true,
    isProxied: true,
  },
  {
    what: 'the one who asked it had said https, and it says http after that',
    from: '127.0.0.1',
    for: '203.0.113.7',
    proto: 'https, http',
    address: '203.0.113.7',
    isProxied: true,
  },
  {
    what: 'the one for whom it asks is trusted as a proxy, too',
    from: '127.0.0.1',
    for: '10.0.0.5',
    address: '10.0.0.5',
    isProxied: true,
  },
  {
    what: 'it asks for somebody on this machine',
    from: '127.0.0.1',
    for: '127.0.0.1',
    proto: 'https',
    address: '127.0.0.1',
    isEncrypted: true,
    isProxied: true,
  },
  {
    what: 'what stands there is no address',
    from: '10.1.2.3',
    for: 'unknown',
    proto: 'https',
    address: '10.1.2.3',
    isEncrypted: true,
    isProxied: true,
  },
  {
    what: 'its address is written as IPv6 writes those of IPv4',
    from: '::ffff:10.1.2.3',
    for: '2001:db8::1, 203.0.113.7',
    address: '203.0.113.7',
    isProxied: true,
  },
  {
    what: 'it is reached over IPv6',
    from: '2001:db8::1',
    for: '2001:470::7',
    proto: 'HTTPS',
    address: '2001:470::7',
    isEncrypted: true,
    isProxied: true,
  },
  { what: 'the connection is gone', from: undefined, for: '203.0.113.7', address: undefined, isProxied: false },
];

test.each(ROWS)('when $what, it came from $address', (row) => {
  const seen = { address: row.from, isEncrypted: false, certifiedNames: [] };
  const headers = {
    ...(row.for === undefined ? {} : { 'x-forwarded-for': row.for }),
    ...(row.proto === undefined ? {} : { 'x-forwarded-proto': row.proto }),
    forwarded: 'for=192.0.2.1;proto=https',
    'x-real-ip': '192.0.2.2',
  };
  const { address, isEncrypted = false, isProxied } = row;
  expect(throughProxies(seen, headers, row.trusted ?? TRUSTED)).toEqual({
    address,
    isEncrypted,
    isProxied,
    certifiedNames: [],
  });
});

test('the certificate of a proxy says nothing of the host for which it asks', () => {
  const seen = { address: '10.1.2.3', isEncrypted: true, certifiedNames: ['proxy.example.com' as Hostname] };
  expect(throughProxies(seen, {}, TRUSTED)).toMatchObject({ certifiedNames: [], isEncrypted: false });
  expect(throughProxies(seen, {}, [])).toMatchObject(seen);
});
