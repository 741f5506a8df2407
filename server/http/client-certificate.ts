import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { Hostname } from '../../protocol/names.ts';
import { hostnamesOf } from '../core/certificate-names.ts';

/** What a client has shown of itself when the connection began. */
export interface ShownCertificate {
  readonly hostnames: readonly Hostname[];
  /** Why it does not count now; null where it does. */
  whyNot(): string | null;
}

const shown = new WeakMap<TLSSocket, ShownCertificate>();

/** Remembers what was shown in the handshake: whatever is shown on the connection later has not been looked at. */
export function noteCertificate(socket: TLSSocket, certificate: ShownCertificate): void {
  shown.set(socket, certificate);
}

/** The host names of the certificate that a client has shown, where it counts; none otherwise. */
export function namesOfCertificate(socket: TLSSocket): readonly Hostname[] {
  const certificate = shown.get(socket);
  return certificate?.whyNot() === null ? certificate.hostnames : [];
}

/** Why the certificate that a client has shown does not count; null where it does, or none was shown. For logs, not for the client. */
export function whyNotCertified(socket: TLSSocket): string | null {
  return shown.get(socket)?.whyNot() ?? null;
}

/** For whom it speaks, and until when, in milliseconds since 1970: a chain lasts as long as the first of its links. */
export function readCertificate(leaf: X509Certificate): {
  readonly hostnames: readonly Hostname[];
  readonly until: number;
} {
  let until = Number.POSITIVE_INFINITY;
  const seen = new Set<string>();
  for (let link: X509Certificate | undefined = leaf; link !== undefined; link = link.issuerCertificate) {
    if (seen.has(link.fingerprint256)) break;
    seen.add(link.fingerprint256);
    until = Math.min(until, Date.parse(link.validTo));
  }
  return { hostnames: hostnamesOf(leaf), until };
}
