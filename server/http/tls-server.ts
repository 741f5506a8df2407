import { constants } from 'node:crypto';
import type { IncomingMessage, ServerOptions, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { type SecureContextOptions, TLSSocket } from 'node:tls';
import type { Attempt, Log } from '../ports/common.ts';
import type { ClientTrust, TlsFiles, TlsMaterial } from '../ports/tls.ts';
import type { TlsSettings } from '../settings/settings.ts';
import { readWhatHasArrived } from './arrived.ts';
import { brokenRequestText, PLAIN_HTTP } from './broken-request.ts';
import { noteCertificate, readCertificate, whyNotCertified } from './client-certificate.ts';

/** How TLS is spoken, and the files that it needs. */
export interface Tls {
  /** As they stood at the start. */
  readonly settings: TlsSettings;
  readonly files: TlsFiles;
}

export interface TlsServerOptions {
  readonly tls: Tls;
  /** Timeouts, and of which classes requests and responses are. */
  readonly http: ServerOptions;
  readonly handshakeTimeoutMs: number;
  readonly log: Log;
  readonly listener: (request: IncomingMessage, response: ServerResponse) => void;
  /** Others than before are known by their certificates: to be known anew, everybody has to come again. */
  readonly onDistrust: () => void;
  /** Connections on which an answer is under way. */
  readonly answering: () => Iterable<unknown>;
}

export interface TlsServer {
  readonly server: Server;
  /** Takes the certificate as it lies there, and from then on each new one. Answers why there is none that can be used. */
  begin(): Attempt<null>;
  /** Follows the files no longer, and cuts off who is still shaking hands. */
  end(): void;
  isShakingHands(socket: Duplex): boolean;
  /** To be called for an error on a connection that is still shaking hands. */
  giveUp(error: Error, socket: Duplex): void;
}

const LOOK_MS = 1_000;

/** An HTTP server over TLS that takes new certificates while it runs; no connection notices. */
export function openTlsServer(options: TlsServerOptions): TlsServer {
  const { tls, log, listener } = options;
  /** Who had asked before it changed who is trusted gets the answer to that, which may be waited for. */
  const excused = new WeakSet<object>();
  const server = createServer({ ...options.http, ...fixedOptions(options) }, (request, response) => {
    excused.delete(request.socket);
    // Who has a new certificate by now can only show it on a new connection.
    if (request.socket instanceof TLSSocket && whyNotCertified(request.socket) !== null)
      response.shouldKeepAlive = false;
    listener(request, response);
  });
  const shaking = new Map<string, { readonly socket: Socket; readonly trust: ClientTrust | null }>();
  let taken: TlsMaterial | undefined;
  /** By which those count who were connected before. */
  let earlier: ClientTrust | null = null;
  let looking: NodeJS.Timeout | undefined;

  server.on('connection', (socket: Socket) => {
    const end = endOf(socket);
    shaking.set(end, { socket, trust: taken?.clients ?? null });
    socket.once('close', () => {
      if (shaking.get(end)?.socket === socket) shaking.delete(end);
    });
  });

  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const end = endOf(socket);
    const trust = shaking.get(end)?.trust ?? null;
    shaking.delete(end);
    const leaf = socket.getPeerX509Certificate();
    if (leaf === undefined) return;
    const { hostnames, until } = readCertificate(leaf);
    const flaw = flawOf(socket, hostnames);
    const whyNot = (): string | null => {
      const now = Date.now();
      if (flaw !== null) return flaw;
      if (trust === null) return 'whom to trust is unclear';
      if (trust !== taken?.clients && trust !== earlier && !excused.has(socket))
        return 'whom to trust has changed since it was shown';
      if (now >= until) return 'CERT_HAS_EXPIRED';
      return now >= trust.until ? 'CRL_HAS_EXPIRED' : null;
    };
    noteCertificate(socket, { hostnames, whyNot });
    const reason = whyNot();
    if (reason !== null) log.debug('a client certificate does not count', { ...wordsOf(leaf), reason, end });
  });

  const take = (material: TlsMaterial): void => {
    const before = taken;
    if (before?.cert === material.cert && before.key === material.key && before.clients === material.clients) return;
    server.setSecureContext({ ...fixedOptions(options), ...contextOf(material) });
    taken = material;
    if (before === undefined) earlier = material.clients;
    else {
      log.info('certificates were read again', { by: before.clients === material.clients ? 'cert' : 'client_ca' });
      if (before.clients !== material.clients) void distrust();
    }
  };

  const distrust = async (): Promise<void> => {
    await readWhatHasArrived();
    for (const socket of options.answering()) if (socket instanceof TLSSocket) excused.add(socket);
    earlier = taken?.clients ?? null;
    options.onDistrust();
  };

  const look = (): void => {
    tls.files.look();
    const material = tls.files.material();
    try {
      if (material.ok) take(material.value);
    } catch (error) {
      log.error('certificates that were read again cannot be used', { error });
    }
  };

  return {
    server,
    begin() {
      const material = tls.files.material();
      if (!material.ok) return material;
      take(material.value);
      looking = setInterval(look, LOOK_MS).unref();
      return { ok: true, value: null };
    },
    end() {
      clearInterval(looking);
      for (const { socket } of shaking.values()) socket.destroy();
    },
    isShakingHands: (socket) => socket instanceof TLSSocket && shaking.has(endOf(socket)),
    giveUp(error, socket) {
      const code = 'code' in error ? String(error.code) : error.name;
      const end = endOf(socket as TLSSocket);
      log.debug('a TLS handshake failed', { code, end });
      if (code === 'ERR_SSL_HTTP_REQUEST') shaking.get(end)?.socket.write(brokenRequestText(PLAIN_HTTP));
      socket.destroy();
    },
  };
}

/** A session that goes on would bring back what was found out about a certificate long ago; so would one that begins anew. */
function fixedOptions({ tls: { settings }, handshakeTimeoutMs }: Pick<TlsServerOptions, 'tls' | 'handshakeTimeoutMs'>) {
  const asksForCertificates = settings.clientCa !== null;
  return {
    minVersion: `TLSv${settings.minVersion}`,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: handshakeTimeoutMs,
    requestCert: asksForCertificates,
    // People come without one. Whether it counts is looked at with each request.
    rejectUnauthorized: false,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION | (asksForCertificates ? constants.SSL_OP_NO_TICKET : 0),
  } as const;
}

/** Where nobody is trusted that is said: nothing said would mean every authority that browsers know. */
function contextOf({ cert, key, clients }: TlsMaterial): SecureContextOptions {
  const { ca, crl } = clients ?? { ca: [], crl: null };
  return { cert, key, ca: [...ca], ...(crl === null ? {} : { crl: [...crl] }) };
}

/** What OpenSSL found wrong with a certificate that was shown, or what it lacks for us. */
function flawOf(socket: TLSSocket, hostnames: readonly string[]): string | null {
  // Typed as an error; it is the code of one.
  const found: unknown = socket.authorizationError;
  if (!socket.authorized) return typeof found === 'string' ? found : 'it was not verified';
  if (socket.isSessionReused()) return 'it was not shown on this connection';
  return hostnames.length === 0 ? 'there is no host name in it' : null;
}

function wordsOf({ subject, serialNumber }: { readonly subject: string; readonly serialNumber: string }) {
  return { subject: subject?.slice(0, 200), serial: serialNumber };
}

/** Names a connection as long as it lasts, seen from below or above TLS. */
function endOf({ remoteAddress, remotePort }: Pick<Socket, 'remoteAddress' | 'remotePort'>): string {
  return `${remoteAddress} ${remotePort}`;
}
