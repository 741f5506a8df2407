import type { Problem } from '../core/problem.ts';
import type { Attempt } from './common.ts';

/** With what TLS is spoken now. All in PEM. */
export interface TlsMaterial {
  /** The server's certificate, and those that lead to its authority. */
  readonly cert: string;
  readonly key: string;
  /** Null: no client is known by a certificate. */
  readonly clients: ClientTrust | null;
}

/** Which certificates of clients count. The same object as long as nobody else is let in by it. */
export interface ClientTrust {
  readonly ca: readonly string[];
  /** Null: none is revoked. */
  readonly crl: readonly string[] | null;
  /** From then on it is not known which are revoked. Milliseconds since 1970. */
  readonly until: number;
}

/** The files of certificates and keys. */
export interface TlsFiles {
  /** Takes what has changed and can be used. To be called every second or so. */
  look(): void;
  /** What was usable last, or why nothing ever was. */
  material(): Attempt<TlsMaterial>;
  problems(): Problem[];
}
