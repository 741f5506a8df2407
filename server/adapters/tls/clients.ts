import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Problem } from '../../core/problem.ts';
import { type RevocationList, readRevocationList, readSubject } from '../../core/revocation-list.ts';
import { instant } from '../../core/wording.ts';
import type { Attempt } from '../../ports/common.ts';
import type { ClientTrust } from '../../ports/tls.ts';
import type { TlsSettings } from '../../settings/settings.ts';
import { readPem } from './pem.ts';

/** Which certificates of clients count, and until when that is known. */
export interface Clients {
  readonly trust: ClientTrust;
  readonly authorities: readonly Authority[];
  readonly lists: readonly RevocationList[];
}

interface Authority {
  /** As it calls itself, on one line. */
  readonly name: string;
  readonly until: number;
}

const DAY_MS = 86_400_000;
const WARN_DAYS = 14;
/** So much of a list's time may be left before somebody is told. */
const WARN_SHARE = 0.1;

/** Reads who signs the certificates of clients, and which of them are revoked. Where any of it is unclear none counts. */
export function readClients({ clientCa, clientCrl }: Pick<TlsSettings, 'clientCa' | 'clientCrl'>): Attempt<Clients> {
  if (clientCa === null) return { ok: false, sentence: 'there is no tls.client_ca', hint: CA_HINT };
  const ca = readPem({ setting: 'tls.client_ca', place: clientCa }, ['CERTIFICATE'], CA_HINT);
  if (!ca.ok) return ca;
  const crl =
    clientCrl === null ? undefined : readPem({ setting: 'tls.client_crl', place: clientCrl }, ['X509 CRL'], CRL_HINT);
  if (crl?.ok === false) return crl;
  try {
    return clientsOf(ca.value.blocks, crl?.value.blocks ?? null);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    const files = [ca.value.path, ...(crl === undefined ? [] : [crl.value.path])].join(' and ');
    return { ok: false, sentence: `tls.client_ca: ${files} cannot be used: ${reason}`, hint: CA_HINT };
  }
}

const CA_HINT = 'it has to hold, in PEM, the certificates of those who sign the certificates of hosts';
const CRL_HINT =
  'it has to hold, in PEM, a list of each authority in tls.client_ca: openssl crl -inform DER -in LIST -out LIST.pem';

function clientsOf(ca: readonly string[], crl: readonly string[] | null): Attempt<Clients> {
  const certificates = ca.map((text) => new X509Certificate(text));
  const notOne = certificates.find((certificate) => !certificate.ca);
  if (notOne !== undefined)
    return { ok: false, sentence: `tls.client_ca: ${nameOf(notOne)} is no authority`, hint: CA_HINT };
  const read = (crl ?? []).map((text) => readRevocationList(derOf(text)));
  const lists = read.filter((list) => list !== undefined);
  if (lists.length < read.length)
    return { ok: false, sentence: 'tls.client_crl: it holds something that is no list', hint: CRL_HINT };
  const listed = new Set(lists.map(({ issuer }) => issuer));
  const unlisted = certificates.find(({ raw }) => !listed.has(readSubject(raw) ?? ''));
  if (crl !== null && unlisted !== undefined)
    return { ok: false, sentence: `tls.client_crl: there is no list of ${nameOf(unlisted)} in it`, hint: CRL_HINT };
  createSecureContext({ ca: [...ca], ...(crl === null ? {} : { crl: [...crl] }) });
  return {
    ok: true,
    value: {
      trust: { ca, crl, until: Math.min(...lists.map(({ until }) => until), Number.POSITIVE_INFINITY) },
      authorities: certificates.map((one) => ({ name: nameOf(one), until: Date.parse(one.validTo) })),
      lists,
    },
  };
}

/** That the time of an authority or of a list is over, or nearly. */
export function clientProblems({ authorities, lists }: Clients, now: number): Problem[] {
  const old = authorities.flatMap(({ name, until }): Problem[] => {
    if (until - now > WARN_DAYS * DAY_MS) return [];
    const what = now >= until ? 'expired, and no certificate of a host by it counts' : 'expires';
    const severity = now >= until ? 'error' : 'warning';
    const sentence = `${name} in tls.client_ca ${what} (${instant(until)})`;
    return [
      {
        id: `tls:client-ca:${name}`,
        severity,
        sentence,
        hint: 'put its successor beside it, and renew what it signed',
      },
    ];
  });
  return [...old, ...lists.flatMap((list) => listProblem(list, now)).slice(0, 1)];
}

function listProblem({ from, until }: RevocationList, now: number): Problem[] {
  const told = (severity: Problem['severity'], sentence: string): Problem[] => [
    {
      id: 'tls:client-crl',
      severity,
      sentence,
      hint: "fetch the authority's new list: it is read again within two seconds",
    },
  ];
  if (now < from)
    return told(
      'error',
      `the list in tls.client_crl is not valid before ${instant(from)}: no host is let in by certificate`,
    );
  if (now >= until)
    return told('error', `the list in tls.client_crl expired at ${instant(until)}: no host is let in by certificate`);
  const left = until - now;
  if (left > Math.min(DAY_MS, (until - from) * WARN_SHARE)) return [];
  return told(
    'warning',
    `the list in tls.client_crl expires at ${instant(until)}; then no host is let in by certificate`,
  );
}

function nameOf({ subject }: X509Certificate): string {
  return (subject ?? '').replaceAll('\n', ', ').slice(0, 200);
}

function derOf(pem: string): Uint8Array {
  return Buffer.from(pem.replace(/^-----.*$/gm, ''), 'base64');
}
