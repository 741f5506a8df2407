import { webcrypto } from 'node:crypto';
import './no-metadata.ts';
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  type Extension,
  type JsonGeneralName,
  KeyUsageFlags,
  KeyUsagesExtension,
  PemConverter,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
  X509CrlGenerator,
} from '@peculiar/x509';

/** A certificate and its key, in PEM, as they lie in files. */
export interface Certified {
  readonly certificate: string;
  readonly key: string;
  /** As node names it: upper-case hex. */
  readonly serial: string;
}

export interface Wanted {
  /** The common name. */
  readonly name: string;
  /** Of the subjectAltName: DNS names, or whatever else is said with its kind. Empty: there is none at all. Default: the name. */
  readonly names?: readonly (string | JsonGeneralName)[];
  /** Default: a client's and a server's. */
  readonly use?: 'server' | 'client';
  /** Default: an hour ago. */
  readonly from?: Date;
  /** Default: in ten weeks. */
  readonly until?: Date;
}

export interface Revocations {
  /** Serial numbers. */
  readonly revoked?: readonly string[];
  /** Default: an hour ago. */
  readonly from?: Date;
  /** Default: in a day. */
  readonly until?: Date;
}

/** Who signs certificates. */
export interface Authority {
  /** Its own certificate, in PEM. */
  readonly certificate: string;
  issue(wanted: Wanted): Promise<Certified>;
  /** Another authority below this one. */
  authority(name: string): Promise<Authority>;
  /** A list of revoked certificates, in PEM. */
  revocations(list?: Revocations): Promise<string>;
}

const { subtle } = webcrypto;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
const HOUR_MS = 3_600_000;

export function inHours(hours: number): Date {
  return new Date(Date.now() + hours * HOUR_MS);
}

/** Makes an authority that nobody has signed. Certificates are real, and in time by the machine's clock: OpenSSL knows no other. */
export async function makeAuthority(name = 'Test CA', time: Pick<Wanted, 'from' | 'until'> = {}): Promise<Authority> {
  const keys = await newKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerial(),
    name: `CN=${name}`,
    ...validity(time),
    keys,
    signingAlgorithm: SIGNING,
    extensions: await extensionsOfAuthority(keys),
  });
  return authorityWith(keys, { name, certificate: certificate.toString('pem') });
}

function authorityWith(
  keys: webcrypto.CryptoKeyPair,
  own: { readonly name: string; readonly certificate: string },
): Authority {
  const issuer = `CN=${own.name}`;
  const sign = async (subject: string, publicKey: webcrypto.CryptoKey, rest: Signed) => {
    const serialNumber = newSerial();
    const made = await X509CertificateGenerator.create({
      serialNumber,
      issuer,
      subject,
      ...validity(rest),
      publicKey,
      signingKey: keys.privateKey,
      signingAlgorithm: SIGNING,
      extensions: [await AuthorityKeyIdentifierExtension.create(keys.publicKey), ...rest.extensions],
    });
    return { certificate: `${made.toString('pem')}\n`, serial: serialNumber.toUpperCase() };
  };
  return {
    certificate: `${own.certificate}\n`,
    async issue(wanted) {
      const pair = await newKeys();
      const made = await sign(`CN=${wanted.name}`, pair.publicKey, { ...wanted, extensions: extensionsOf(wanted) });
      const key = PemConverter.encode(await subtle.exportKey('pkcs8', pair.privateKey), 'PRIVATE KEY');
      return { ...made, key: `${key}\n` };
    },
    async authority(name) {
      const pair = await newKeys();
      const extensions = await extensionsOfAuthority(pair);
      return authorityWith(pair, { name, ...(await sign(`CN=${name}`, pair.publicKey, { extensions })) });
    },
    async revocations({ revoked = [], from = inHours(-1), until = inHours(24) } = {}) {
      const list = await X509CrlGenerator.create({
        issuer,
        thisUpdate: from,
        nextUpdate: until,
        entries: revoked.map((serialNumber) => ({ serialNumber, revocationDate: from })),
        signingKey: keys.privateKey,
        signingAlgorithm: SIGNING,
        extensions: [await AuthorityKeyIdentifierExtension.create(keys.publicKey)],
      });
      return `${PemConverter.encode(list.rawData, 'X509 CRL')}\n`;
    },
  };
}

interface Signed extends Pick<Wanted, 'from' | 'until'> {
  readonly extensions: Extension[];
}

function validity({ from = inHours(-1), until = inHours(24 * 70) }: Pick<Wanted, 'from' | 'until'>) {
  return { notBefore: from, notAfter: until };
}

function extensionsOf({ name, names = [name], use }: Wanted): Extension[] {
  const uses = { server: [ExtendedKeyUsage.serverAuth], client: [ExtendedKeyUsage.clientAuth] };
  const san = names.map((one): JsonGeneralName => (typeof one === 'string' ? { type: 'dns', value: one } : one));
  return [
    new BasicConstraintsExtension(false, undefined, true),
    new ExtendedKeyUsageExtension(use === undefined ? [...uses.server, ...uses.client] : uses[use]),
    ...(san.length === 0 ? [] : [new SubjectAlternativeNameExtension(san)]),
  ];
}

async function extensionsOfAuthority({ publicKey }: webcrypto.CryptoKeyPair): Promise<Extension[]> {
  return [
    new BasicConstraintsExtension(true, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
    await SubjectKeyIdentifierExtension.create(publicKey),
  ];
}

function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return subtle.generateKey(CURVE, true, ['sign', 'verify']) as Promise<webcrypto.CryptoKeyPair>;
}

/** Sixteen digits, the first of which keeps it positive and as long as it is. */
function newSerial(): string {
  return `5${Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
    .toString('hex')
    .slice(1)}`;
}
