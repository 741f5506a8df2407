import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import type { Problem } from '../../core/problem.ts';
import { instant } from '../../core/wording.ts';
import type { Attempt } from '../../ports/common.ts';
import type { TlsSettings } from '../../settings/settings.ts';
import { readSecret } from '../files/secret-file.ts';
import { readPem } from './pem.ts';

/** The server's certificate with what leads to its authority, and its key. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
  readonly path: string;
  /** Milliseconds since 1970. */
  readonly from: number;
  readonly until: number;
  /** That others may read the key. */
  readonly exposure: readonly Problem[];
}

const DAY_MS = 86_400_000;
const WARN_DAYS = 14;

/** Reads both. They are only taken together: one of them may have been replaced a moment before the other. */
export function readPair({ cert, key, minVersion }: Pick<TlsSettings, 'cert' | 'key' | 'minVersion'>): Attempt<Pair> {
  const certificate = readPem({ setting: 'tls.cert', place: cert }, ['CERTIFICATE'], CERT_HINT);
  if (!certificate.ok) return certificate;
  const secret = readSecret({ setting: 'tls.key', place: key });
  if (!secret.ok) return secret;
  const { path, text } = certificate.value;
  const trouble = { sentence: `tls.cert: ${path} cannot be used`, hint: CERT_HINT };
  try {
    const leaf = new X509Certificate(text);
    trouble.sentence = `tls.key: ${secret.value.path} holds no key that can be used`;
    trouble.hint = 'it has to be in PEM and without a passphrase: openssl pkey -in KEY -out KEY';
    const privateKey = createPrivateKey(secret.value.text);
    trouble.sentence = `tls.cert and tls.key do not belong together: ${path} was made for another key than ${secret.value.path}`;
    trouble.hint = 'put the certificate beside the key that it was made for';
    if (!leaf.checkPrivateKey(privateKey)) return { ok: false, ...trouble };
    trouble.sentence = `tls.cert and tls.key cannot be used: ${path} with ${secret.value.path}`;
    trouble.hint = CERT_HINT;
    createSecureContext({ cert: text, key: secret.value.text, minVersion: `TLSv${minVersion}` });
    const [from, until] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)];
    return {
      ok: true,
      value: { cert: text, key: secret.value.text, path, from, until, exposure: secret.value.problems },
    };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { ok: false, ...trouble, sentence: `${trouble.sentence}: ${reason}` };
  }
}

const CERT_HINT =
  'it has to hold, in PEM, first the certificate of this server and then those that lead to its authority';

export function isInTime({ from, until }: Pick<Pair, 'from' | 'until'>, now: number): boolean {
  return from <= now && now < until;
}

/** That a certificate's time is over, nearly over or still to come. */
export function timeProblems({ path, from, until }: Pair, now: number): Problem[] {
  const told = (severity: Problem['severity'], what: string): Problem[] => [
    {
      id: 'tls:time',
      severity,
      sentence: `the server's certificate (${path}) ${what}`,
      hint: 'renew it: it is read again within two seconds, and no connection is lost',
    },
  ];
  if (now < from) return told('error', `is not valid before ${instant(from)}: hosts refuse it`);
  if (now >= until) return told('error', `expired at ${instant(until)}: hosts refuse it`);
  return until - now < WARN_DAYS * DAY_MS ? told('warning', `expires at ${instant(until)}`) : [];
}
