import { mkdtempSync } from 'node:fs';
import { chmod, rename, writeFile } from 'node:fs/promises';
import { type Agent, request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { afterAll, beforeAll } from 'vitest';
import type { SettingKey } from '../../server/settings/schema.ts';
import { type Serving, serving, sharedServing } from '../http/serving.ts';
import { type Authority, type Certified, makeAuthority } from '../rig/certificates.ts';
import { disposableDirectory } from '../rig/disposable.ts';
import { discard } from '../rig/secrets.ts';

/** The files of TLS, in a directory of their own. */
export interface TlsPlace {
  readonly directory: string;
  /** Who signs the server's certificates. */
  readonly authority: Authority;
  readonly settings: Partial<Record<SettingKey, unknown>>;
  /** Replaces a file at once, as everybody should. */
  put(file: TlsFile, text: string): Promise<void>;
  putPair(pair: Certified): Promise<void>;
}

export type TlsFile = 'cert' | 'key' | 'client_ca' | 'client_crl';

/** A certificate and a key for this machine, and where settings find them; and more files where they are wanted. */
export async function tlsPlace(more: Partial<Record<TlsFile, string>> = {}, directory?: string): Promise<TlsPlace> {
  const place = directory ?? (await disposableDirectory());
  const authority = await makeAuthority('Servers');
  const put = async (file: TlsFile, text: string): Promise<void> => {
    const path = join(place, `${file}.pem`);
    await writeFile(`${path}.new`, text);
    await chmod(`${path}.new`, file === 'key' ? 0o600 : 0o644);
    await rename(`${path}.new`, path);
  };
  const { certificate, key } = await forThisMachine(authority);
  const files = { cert: certificate, key, ...more };
  const settings: Partial<Record<SettingKey, unknown>> = {};
  for (const [file, text] of Object.entries(files) as [TlsFile, string][]) {
    await put(file, text);
    settings[`tls.${file}`] = join(place, `${file}.pem`);
  }
  return {
    directory: place,
    authority,
    settings,
    put,
    async putPair(pair) {
      await put('cert', pair.certificate);
      await put('key', pair.key);
    },
  };
}

export function forThisMachine(authority: Authority): Promise<Certified> {
  return authority.issue({
    name: 'localhost',
    names: ['localhost', { type: 'ip', value: '127.0.0.1' }],
    use: 'server',
  });
}

export interface TlsServing extends Serving {
  readonly place: TlsPlace;
  askTls(path: string, asking?: TlsAsking): Promise<TlsAnswer>;
}

/** A whole server that speaks TLS. */
export async function tlsServing(
  place: TlsPlace,
  settings: Partial<Record<SettingKey, unknown>> = {},
): Promise<TlsServing> {
  const server = await serving({ settings: { ...place.settings, ...settings } });
  return over(server, place);
}

function over(server: Serving, place: TlsPlace): TlsServing {
  return { ...server, place, askTls: (path, asking) => askTls(server.url, path, { ca: place.authority, ...asking }) };
}

/** One server for all tests of a file, where none changes anything that another one would notice. */
export function sharedTlsServing(
  makePlace: (directory: string) => Promise<TlsPlace>,
  settings: Partial<Record<SettingKey, unknown>> = {},
): () => TlsServing {
  const directory = mkdtempSync(join(tmpdir(), 'tagwave-test-'));
  const own: Partial<Record<SettingKey, unknown>> = { ...settings };
  let place: TlsPlace | undefined;
  beforeAll(async () => {
    place = await makePlace(directory);
    Object.assign(own, place.settings);
  });
  afterAll(() => discard(directory));
  const server = sharedServing({ settings: own });
  return () => {
    if (place === undefined) throw new Error('the server is started before the tests');
    return over(server(), place);
  };
}

export interface TlsAsking {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly json?: unknown;
  /** Who is believed about the server. */
  readonly ca?: Authority;
  /** What the client shows of itself. */
  readonly as?: Pick<Certified, 'certificate' | 'key'>;
  /** Which connections are used again; default: none. */
  readonly agent?: Agent;
  readonly minVersion?: SecureVersion;
  readonly maxVersion?: SecureVersion;
}

export interface TlsAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
  /** Of the certificate that the server showed. */
  readonly serial: string;
  readonly protocol: string | null;
  json(): Record<string, unknown>;
}

/** Node tells it only as long as a connection is new. */
const serials = new WeakMap<TLSSocket, string>();

/** As curl would ask: the server's certificate is checked. Rejects where no answer comes. */
export function askTls(url: string, path: string, asking: TlsAsking = {}): Promise<TlsAnswer> {
  const { method = 'GET', headers = {}, json, ca, as, agent, ...versions } = asking;
  const content = json === undefined ? undefined : JSON.stringify(json);
  const length = content === undefined ? {} : { 'Content-Length': Buffer.byteLength(content) };
  const type = json === undefined ? {} : { 'Content-Type': 'application/json', ...length };
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {
        hostname,
        port,
        path,
        method,
        headers: { ...type, ...headers },
        agent: agent ?? false,
        // Whatever the Host header says.
        servername: 'localhost',
        ca: ca?.certificate,
        cert: as?.certificate,
        key: as?.key,
        ...versions,
      },
      (response) => {
        const socket = response.socket as TLSSocket;
        const serial = serials.get(socket) ?? socket.getPeerX509Certificate()?.serialNumber ?? '';
        serials.set(socket, serial);
        const protocol = socket.getProtocol();
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (piece: string) => (text += piece));
        response.on('error', reject);
        response.on('end', () => {
          const status = response.statusCode ?? 0;
          resolve({ status, headers: response.headers, text, serial, protocol, json: () => JSON.parse(text) });
        });
      },
    );
    request.on('error', reject);
    request.end(content);
  });
}
